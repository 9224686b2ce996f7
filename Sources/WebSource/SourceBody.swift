package import NIOCore

/// The bytes of a source as they come, read no faster than they are taken. To be iterated once.
///
/// Where the connection breaks, the rest is asked for on another one, a few times in a row, if the server has said how
/// its bytes can be told from others. Where they come slower than they are taken, what lies ahead is fetched by further
/// connections; see `ReadAhead`.
package struct SourceBody: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    let first: SourceAnswer
    let visit: SourceVisit
    let start: SourceStart
    let validators: SourceValidators

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }

    package struct AsyncIterator: AsyncIteratorProtocol {
        private let body: SourceBody
        private var answer: SourceAnswer
        private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        /// Of the next byte.
        private var offset: Int64 = 0
        private var pace: Pace
        private var tempo: Tempo
        private var carrying: CarryOn
        private var ahead: ReadAhead?
        /// Whether this has a connection of its own.
        private var isConnected = true
        /// What came on it and is fetched ahead, too.
        private var spare: ByteBuffer?

        init(_ body: SourceBody) {
            self.body = body
            answer = body.first
            pace = Pace(window: body.visit.limits.rateWindow)
            inbound = answer.connection.inbound.makeAsyncIterator()
            if case .offset(let offset) = body.start { self.offset = offset }
            carrying = CarryOn(limits: body.visit.limits)
            tempo = Tempo(limits: body.visit.limits.readAhead)
        }

        /// - Throws: `SourceError`; `CancellationError`.
        package mutating func next() async throws -> ByteBuffer? {
            let started = ContinuousClock.now
            guard let bytes = try await piece() else { return nil }
            let now = ContinuousClock.now
            let limits = body.visit.limits
            offset += Int64(bytes.readableBytes)
            if offset > limits.maxBytes { throw answer.faults.tooLarge(limits.maxBytes) }
            let waited = started.duration(to: now)
            if let rate = limits.minimumRate, pace.isBelow(rate, bytes: bytes.readableBytes, waited: waited) {
                throw answer.faults.tooSlow(rate)
            }
            switch tempo.note(bytes.readableBytes, waited: waited, at: now, hasOthers: !isConnected) {
            case .goOn: break
            case .open(let lead): readAhead(from: offset + lead)
            case .stop: ahead?.stop()
            }
            return bytes
        }

        /// - Parameter start: where the bytes of this connection will be when the others have begun.
        private mutating func readAhead(from start: Int64) {
            let (limits, validators) = (body.visit.limits.readAhead, body.validators)
            let start = Swift.max(start, offset + limits.chunkBytes)
            guard validators.acceptsRanges == true, validators.allowResuming, let end = validators.totalBytes,
                end - start >= limits.leastBytes
            else { return }
            ahead = ReadAhead(of: body.visit, validators, from: start, to: end)
        }

        private mutating func piece() async throws -> ByteBuffer? {
            while true {
                if let ahead, offset >= ahead.start {
                    if let bytes = try await ahead.take() {
                        await disconnect()
                        return bytes
                    }
                    self.ahead = nil
                    guard isConnected || offset < body.validators.totalBytes ?? 0 else { return nil }
                    if !isConnected { try await connect(after: nil) }
                }
                if let bytes = spare.take() { return bytes }
                let broken: any Error
                do {
                    if let bytes = try await inbound.next(isolation: #isolation) { return upToAhead(bytes) }
                    // A cancelled read ends like a complete one.
                    try Task.checkCancellation()
                    guard let length = body.validators.totalBytes, offset < length else { return nil }
                    broken = ChannelError.eof
                } catch {
                    try Task.checkCancellation()
                    broken = error
                }
                try await carryOn(after: broken)
            }
        }

        /// Leaves aside what reaches into what is fetched ahead.
        private mutating func upToAhead(_ bytes: ByteBuffer) -> ByteBuffer {
            guard let ahead, offset + Int64(bytes.readableBytes) > ahead.start else { return bytes }
            var bytes = bytes
            let mine = bytes.readSlice(length: Int(ahead.start - offset))
            spare = bytes
            return mine ?? ByteBuffer()
        }

        private mutating func disconnect() async {
            guard isConnected else { return }
            isConnected = false
            spare = nil
            await body.visit.close(answer.connection)
        }

        private mutating func carryOn(after error: any Error) async throws {
            let broken = answer.faults.broken(error, after: offset, of: body.validators.totalBytes)
            let position = SourcePosition(offset: offset, validators: body.validators)
            // Time is up as well for whatever else is asked.
            guard case .transient = broken, (try? position.request) != nil,
                ContinuousClock.now < body.visit.deadline
            else { throw broken }
            await disconnect()
            try await connect(after: broken)
        }

        private mutating func connect(after broken: SourceError?) async throws {
            let request = try SourcePosition(offset: offset, validators: body.validators).request
            answer = try await carrying.on(body.visit, at: offset, with: request, after: broken, answer.faults)
            inbound = answer.connection.inbound.makeAsyncIterator()
            isConnected = true
        }
    }
}

/// Bytes over the time that we waited for them, in windows.
struct Pace {
    private var bytes: Int64 = 0
    private var waited: Duration = .zero
    private let window: Duration

    init(window: Duration) { self.window = window }

    mutating func isBelow(_ rate: Int64, bytes: Int, waited: Duration) -> Bool {
        self.bytes += Int64(bytes)
        self.waited += waited
        guard self.waited >= window else { return false }
        defer { self = Pace(window: window) }
        return Double(self.bytes) < Double(rate) * (self.waited / .seconds(1))
    }
}
