import NIOCore

/// One connection to Redis. Commands of several tasks follow each other on it without waiting for replies.
package final class RedisConnection: RedisSender {
    private let channel: any Channel
    private let handler: NIOLoopBound<ConnectionHandler>
    private let queue: RequestQueue
    private let digests: ScriptDigests
    private let commandTimeout: TimeAmount
    /// Succeeds with the reason, once the connection takes no more requests.
    let ended: EventLoopFuture<String>

    /// Must be called on the event loop of the channel.
    init(channel: any Channel, handler: ConnectionHandler, digests: ScriptDigests, commandTimeout: TimeAmount) {
        self.channel = channel
        self.handler = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        self.digests = digests
        self.commandTimeout = commandTimeout
        queue = handler.queue
        ended = handler.ended.futureResult
    }

    package func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        try await perform(commands, timeout: commandTimeout)
    }

    @discardableResult
    package func run(
        _ script: RedisScript, keys: [String], arguments: [any RedisArgument]
    ) async throws -> RedisValue {
        try await digests.run(script, keys: keys, arguments: arguments, on: self)
    }

    /// Sends a command that blocks in the server; on cancellation the connection is closed.
    ///
    /// - Parameter timeout: the limit on this side; to be set above the one that the command itself carries.
    /// - Throws: `RedisError`; `CancellationError` also when the command may have been executed.
    @discardableResult
    package func sendBlocking(_ command: RedisCommand, timeout: Duration) async throws -> RedisValue {
        do {
            return try await withTaskCancellationHandler {
                try RedisConnection.single(try await perform([command], timeout: TimeAmount(timeout)))
            } onCancel: {
                close(reason: "the task was cancelled")
            }
        } catch  where Task.isCancelled {
            throw CancellationError()
        }
    }

    private func perform(_ commands: [RedisCommand], timeout: TimeAmount) async throws -> [RedisValue] {
        guard let first = commands.first else { return [] }
        try Task.checkCancellation()
        var wire = first.wire
        if commands.count > 1 {
            wire.reserveCapacity(commands.reduce(0) { $0 + $1.wire.readableBytes })
            for command in commands.dropFirst() { wire.writeImmutableBuffer(command.wire) }
        }
        return try await withCheckedThrowingContinuation { continuation in
            submit(
                Request(wire: wire, replies: commands.count, timeout: timeout) {
                    continuation.resume(with: $0.mapError { $0 as any Error })
                })
        }
    }

    func submit(_ request: Request) {
        switch queue.add(request) {
        case .first: channel.eventLoop.execute { self.handler.value.writeRequests() }
        case .behindOthers: break
        case .closed(let reason): request.complete(.failure(.notSent(reason: reason)))
        }
    }

    var isOpen: Bool { queue.isOpen }

    /// Fails what waits: as not sent what is not yet written, as in doubt the rest.
    func close(reason: String) {
        channel.eventLoop.execute { self.handler.value.end(reason) }
    }

    /// Returns once the channel is closed.
    func untilClosed() async {
        // The close future does not fail; were it to, the channel would be closed just the same.
        try? await channel.closeFuture.get()
    }
}
