/// What commands can be sent to: a client, or one of its connections.
package protocol RedisSender: Sendable {
    /// Sends all commands in one write; the replies are in the order of the commands.
    ///
    /// An error that the server answers one of them with is an `.error` value among the replies.
    /// - Throws: `RedisError` `.notSent` or `.inDoubt`, for all of them; `CancellationError` before anything is sent.
    func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue]

    /// Runs a script by its digest; by its source when the server does not know it (any more).
    /// - Throws: as `send`.
    @discardableResult
    func run(_ script: RedisScript, keys: [String], arguments: [any RedisArgument]) async throws -> RedisValue
}

extension RedisSender {
    /// Sends a command and returns its reply.
    ///
    /// Cancellation is heeded until the command is sent; from then on the time-out bounds the wait.
    /// - Throws: `RedisError`; `CancellationError` before anything is sent.
    @discardableResult
    package func send(_ command: RedisCommand) async throws -> RedisValue {
        try Self.single(try await pipeline([command]))
    }

    /// Sends a command of these words and returns its reply.
    @discardableResult
    package func send(_ name: String, _ arguments: any RedisArgument...) async throws -> RedisValue {
        try await send(RedisCommand(name, arguments: arguments))
    }

    static func single(_ replies: [RedisValue]) throws(RedisError) -> RedisValue {
        guard let reply = replies.first else { throw .inDoubt(reason: "the reply is missing") }
        if case .error(let error) = reply { throw .refused(error) }
        return reply
    }
}
