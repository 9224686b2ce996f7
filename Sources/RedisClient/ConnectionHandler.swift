import NIOCore

/// The event loop's side of a connection: writes requests, matches replies, and ends the connection on any doubt.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let queue = RequestQueue()
    /// Succeeds with the reason, once the connection takes no more requests.
    let ended: EventLoopPromise<String>

    private var reader: ReplyReader
    private var pending = PendingReplies<@Sendable (Result<[RedisValue], RedisError>) -> Void>()
    private var context: ChannelHandlerContext?
    private var timer: (deadline: NIODeadline, scheduled: Scheduled<Void>)?
    private var isRetired = false
    private var hasEnded = false

    init(maxReplyBytes: Int, eventLoop: any EventLoop) throws {
        reader = try ReplyReader(maxReplyBytes: maxReplyBytes)
        ended = eventLoop.makePromise()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        end("the connection was not made")
    }

    // MARK: Requests

    /// Writes what the queue holds.
    func writeRequests() {
        let requests = queue.takeAll()
        guard let context, !requests.isEmpty else { return }
        let now = NIODeadline.now()
        for request in requests {
            pending.wrote(request.complete, replies: request.replies, deadline: now + request.timeout)
            context.write(wrapOutboundOut(request.wire), promise: nil)
        }
        context.flush()
        startTimer()
    }

    /// One timer for all: the oldest request waits for the first reply. A timer that is early is left to run, and
    /// looks again then, so that most requests touch none.
    private func startTimer() {
        guard let deadline = pending.deadline, let context else { return }
        if let timer {
            guard deadline < timer.deadline else { return }
            timer.scheduled.cancel()
        }
        let scheduled = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [self] in
            timer = nil
            guard let deadline = pending.deadline else { return }
            if deadline <= .now() {
                // A reply that comes after all could not be told from the reply to a later request.
                end("a reply did not come in time, so the connection was closed")
            } else {
                startTimer()
            }
        }
        timer = (deadline, scheduled)
    }

    // MARK: Replies

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasEnded else { return }
        let bytes = unwrapInboundIn(data)
        do {
            try bytes.withUnsafeReadableBytes { bytes in
                try reader.read(bytes) { receive($0) }
            }
        } catch {
            end(String(describing: error))
        }
    }

    private func receive(_ reply: RedisValue) {
        if case .error(let error) = reply, error.code == .readonly { retire(error) }
        switch pending.receive(reply) {
        case .partial: break
        case .complete(let completion, let replies):
            completion(.success(replies))
            startTimer()
        case .unsolicited: end("the peer sent a reply that nobody asked for")
        }
        if isRetired, pending.isEmpty { end("the server is a replica") }
    }

    /// The server has become a replica: takes no new requests, so that they find the new primary by a new connection,
    /// and lets those in flight come to their end.
    private func retire(_ error: RedisServerError) {
        guard !isRetired, !hasEnded else { return }
        isRetired = true
        ended.succeed(error.message)
        for request in queue.close(reason: error.message) {
            request.complete(.failure(.notSent(reason: error.message)))
        }
    }

    // MARK: The end

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(String(describing: error))
    }

    func channelInactive(context: ChannelHandlerContext) {
        end("the peer closed the connection")
        context.fireChannelInactive()
    }

    /// Fails all that waits and closes the channel.
    func end(_ reason: String) {
        guard !hasEnded else { return }
        hasEnded = true
        timer?.scheduled.cancel()
        timer = nil
        // The owner learns it first, so that those who are sent away find another connection.
        if !isRetired { ended.succeed(reason) }
        for request in queue.close(reason: reason) {
            request.complete(.failure(.notSent(reason: reason)))
        }
        for completion in pending.removeAll() {
            completion(.failure(.inDoubt(reason: reason)))
        }
        context?.close(promise: nil)
    }
}
