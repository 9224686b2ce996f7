package import NIOCore

/// The bytes of a source as they come, read no faster than they are taken. To be iterated once.
package struct SourceBody: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    let inbound: NIOAsyncChannelInboundStream<ByteBuffer>
    let contentLength: Int64?
    let limits: SourceLimits
    let faults: SourceFaults

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(body: self, inbound: inbound.makeAsyncIterator())
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        let body: SourceBody
        var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        var received: Int64 = 0
        var pace = Pace()

        /// - Throws: `SourceError`; `CancellationError`.
        package mutating func next() async throws -> ByteBuffer? {
            let started = ContinuousClock.now
            let bytes: ByteBuffer?
            do { bytes = try await inbound.next(isolation: #isolation) } catch {
                try Task.checkCancellation()
                throw body.faults.broken(error, after: received, of: body.contentLength)
            }
            guard let bytes else {
                // A cancelled read ends like a complete one.
                try Task.checkCancellation()
                if let length = body.contentLength, received < length {
                    throw body.faults.broken(ChannelError.eof, after: received, of: length)
                }
                return nil
            }
            received += Int64(bytes.readableBytes)
            if received > body.limits.maxBytes { throw body.faults.tooLarge(body.limits.maxBytes) }
            if let rate = body.limits.minimumRate,
                pace.isBelow(rate, bytes: bytes.readableBytes, waited: started.duration(to: .now))
            {
                throw body.faults.tooSlow(rate)
            }
            return bytes
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
