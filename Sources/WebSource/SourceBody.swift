package import NIOCore

/// The bytes of a source as they come, read no faster than they are taken. To be iterated once.
///
/// Where the connection breaks, the rest is asked for on another one, a few times in a row, if the server has said how
/// its bytes can be told from others.
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
        private var pace = Pace()
        private var carrying: CarryOn

        init(_ body: SourceBody) {
            self.body = body
            answer = body.first
            inbound = answer.connection.inbound.makeAsyncIterator()
            if case .offset(let offset) = body.start { self.offset = offset }
            carrying = CarryOn(limits: body.visit.limits)
        }

        /// - Throws: `SourceError`; `CancellationError`.
        package mutating func next() async throws -> ByteBuffer? {
            let started = ContinuousClock.now
            guard let bytes = try await piece() else { return nil }
            let limits = body.visit.limits
            offset += Int64(bytes.readableBytes)
            if offset > limits.maxBytes { throw answer.faults.tooLarge(limits.maxBytes) }
            if let rate = limits.minimumRate,
                pace.isBelow(rate, bytes: bytes.readableBytes, waited: started.duration(to: .now))
            {
                throw answer.faults.tooSlow(rate)
            }
            return bytes
        }

        private mutating func piece() async throws -> ByteBuffer? {
            while true {
                let broken: any Error
                do {
                    if let bytes = try await inbound.next(isolation: #isolation) { return bytes }
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

        private mutating func carryOn(after error: any Error) async throws {
            let broken = answer.faults.broken(error, after: offset, of: body.validators.totalBytes)
            let position = SourcePosition(offset: offset, validators: body.validators)
            // Time is up as well for whatever else is asked.
            guard case .transient = broken, position.rest != nil, ContinuousClock.now < body.visit.deadline else {
                throw broken
            }
            await body.visit.close(answer.connection)
            answer = try await carrying.on(body.visit, from: position, after: broken, answer.faults)
            inbound = answer.connection.inbound.makeAsyncIterator()
        }
    }
}

/// Bytes over the time that we waited for them, in windows of a minute.
struct Pace {
    private var bytes: Int64 = 0
    private var waited: Duration = .zero
    static let window: Duration = .seconds(60)

    mutating func isBelow(_ rate: Int64, bytes: Int, waited: Duration) -> Bool {
        self.bytes += Int64(bytes)
        self.waited += waited
        guard self.waited >= Self.window else { return false }
        defer { self = Pace() }
        return Double(self.bytes) < Double(rate) * (self.waited / .seconds(1))
    }
}
