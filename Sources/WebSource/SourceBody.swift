package import NIOCore
import Synchronization

/// The bytes of a source as they come, read no faster than they are taken. To be iterated once.
package struct SourceBody: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    let inbound: NIOAsyncChannelInboundStream<ByteBuffer>
    let channel: any Channel
    let contentLength: Int64?
    let limits: SourceLimits
    let deadline: ContinuousClock.Instant
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
            let left = started.duration(to: body.deadline)
            let patience = Patience(
                body.channel, Swift.min(body.limits.idle, left), left < body.limits.idle ? .total : .idle)
            defer { patience.end() }
            let bytes: ByteBuffer?
            do { bytes = try await inbound.next(isolation: #isolation) } catch {
                try Task.checkCancellation()
                throw body.faults.broken(patience.exceeded ?? error, after: received, of: body.contentLength)
            }
            guard let bytes else {
                // A cancelled read ends like a complete one; so does a connection that we gave up.
                try Task.checkCancellation()
                if let timeout = patience.exceeded {
                    throw body.faults.broken(timeout, after: received, of: body.contentLength)
                }
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

/// Closes a channel that lets us wait for too long.
private final class Patience: Sendable {
    private let hasEnded = Mutex(false)
    private let reason: SourceTimeout
    private let timer: Mutex<Scheduled<Void>?> = Mutex(nil)

    init(_ channel: any Channel, _ limit: Duration, _ reason: SourceTimeout) {
        self.reason = reason
        let scheduled = channel.eventLoop.scheduleTask(in: TimeAmount(Swift.max(limit, .zero))) { [self] in
            hasEnded.withLock { $0 = true }
            channel.close(promise: nil)
        }
        timer.withLock { $0 = scheduled }
    }

    var exceeded: SourceTimeout? { hasEnded.withLock { $0 } ? reason : nil }

    func end() { timer.withLock { $0.take() }?.cancel() }
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
