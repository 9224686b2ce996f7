package import Logging
package import NIOCore
import NIOPosix

/// A client of one Redis. Ordinary commands of all tasks share a few connections; blocking ones get their own.
///
/// Connections are made when the first command needs them, and made anew in the background when they are lost.
/// Must be closed in the end.
package final class RedisClient: RedisSender {
    private let shared: SharedConnections
    private let lender: ConnectionLender
    private let digests = ScriptDigests()
    private let connectTimeout: TimeAmount

    /// Reads the files of the TLS settings, and does not connect yet.
    /// - Throws: `RedisConfigurationError`
    package init(
        configuration: RedisConfiguration,
        eventLoopGroup: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup,
        logger: Logger
    ) throws(RedisConfigurationError) {
        let connector = try Connector(configuration: configuration, group: eventLoopGroup, digests: digests)
        let eventLoop = eventLoopGroup.next()
        connectTimeout = TimeAmount(configuration.connectTimeout)
        shared = SharedConnections(
            count: configuration.connections, connectTimeout: configuration.connectTimeout, connector: connector,
            eventLoop: eventLoop, logger: logger)
        lender = ConnectionLender(
            limit: configuration.maxBlockingConnections, connectTimeout: connectTimeout, connector: connector,
            eventLoop: eventLoop)
    }

    package func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        try Task.checkCancellation()
        let deadline = NIODeadline.now() + connectTimeout
        while true {
            let connection = try await shared.connection(by: deadline)
            do {
                return try await connection.pipeline(commands)
            } catch RedisError.notSent where NIODeadline.now() < deadline {
                continue  // the connection ended under our hands: take the next one
            }
        }
    }

    @discardableResult
    package func run(
        _ script: RedisScript, keys: [String], arguments: [any RedisArgument]
    ) async throws -> RedisValue {
        try await digests.run(script, keys: keys, arguments: arguments, on: self)
    }

    /// Sends a command that blocks in the server (`BLPOP`, `XREAD BLOCK`) on a connection of its own.
    ///
    /// Cancellation closes that connection at once.
    /// - Parameter timeout: the limit on this side; to be set above the one that the command itself carries.
    /// - Throws: `RedisError`; `CancellationError` also when the command may have been executed.
    @discardableResult
    package func sendBlocking(_ command: RedisCommand, timeout: Duration) async throws -> RedisValue {
        try await withConnection { try await $0.sendBlocking(command, timeout: timeout) }
    }

    /// Lends a connection for as long as `body` runs, such as for a `WAIT` right behind a script.
    ///
    /// `body` leaves no transaction, watch or other database behind; when it throws, the connection is closed.
    /// - Throws: what `body` throws; `RedisError.notSent` when there is no connection to lend.
    package func withConnection<R>(_ body: (RedisConnection) async throws -> R) async throws -> R {
        try await lender.withConnection(body)
    }

    /// Fails what waits, closes all connections, and returns once that is done. Does nothing the second time.
    package func close() async {
        await shared.close()
        await lender.close()
    }
}
