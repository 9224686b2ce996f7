import Logging
import NIOCore
import Synchronization

/// The connections that ordinary commands share: made on the first command, and made anew in the background.
final class SharedConnections: Sendable {
    private typealias State = SharedConnectionsState<RedisConnection, Suspension<RedisConnection>>

    private let state: Mutex<State>
    private let connector: Connector
    private let connectTimeout: TimeAmount
    private let eventLoop: any EventLoop
    private let backoff: Backoff
    private let logger: Logger

    init(count: Int, connectTimeout: Duration, connector: Connector, eventLoop: any EventLoop, logger: Logger) {
        state = Mutex(State(slots: max(count, 1)))
        self.connectTimeout = TimeAmount(connectTimeout)
        backoff = Backoff(patience: connectTimeout)
        self.connector = connector
        self.eventLoop = eventLoop
        self.logger = logger
    }

    /// A ready connection; waits for one if need be.
    func connection(by deadline: NIODeadline) async throws -> RedisConnection {
        switch state.withLock({ $0.choose() }) {
        case .use(let connection): return connection
        case .closed: throw RedisError.notSent(reason: "the client is closed")
        case .wait: break
        }
        let suspension = Suspension<RedisConnection>()
        let (choice, connect) = state.withLock { $0.choose(orKeep: suspension) }
        for slot in connect { self.connect(slot) }
        switch choice {
        case .use(let connection): return connection
        case .closed: throw RedisError.notSent(reason: "the client is closed")
        case .wait: break
        }
        do {
            return try await suspension.wait(until: deadline, on: eventLoop) { [self] in
                .notSent(reason: state.withLock { $0.lastFailure } ?? "there was no connection in time")
            }
        } catch {
            state.withLock { $0.forget { $0 === suspension } }
            throw error
        }
    }

    /// Fails what waits, closes all, and returns once that is done.
    func close() async {
        let (connections, waiters) = state.withLock { $0.close() }
        for waiter in waiters { waiter.end(with: .failure(RedisError.notSent(reason: "the client is closed"))) }
        for connection in connections { connection.close(reason: "the client was closed") }
        for connection in connections { await connection.untilClosed() }
    }

    private func connect(_ slot: Int) {
        connector.connect(atMost: connectTimeout).whenComplete { [self] result in
            switch result {
            case .success(let connection):
                guard let waiters = state.withLock({ $0.connected(connection, slot: slot) }) else {
                    return connection.close(reason: "the client was closed")
                }
                connection.ended.whenSuccess { [self] in lost(slot, reason: $0) }
                for waiter in waiters { waiter.end(with: .success(connection)) }
            case .failure(let error):
                lost(slot, reason: (error as? ConnectFailure)?.reason ?? String(describing: error))
            }
        }
    }

    private func lost(_ slot: Int, reason: String) {
        guard let failures = state.withLock({ $0.lost(slot: slot, reason: reason) }) else { return }
        // A server that is away for long is worth a line now and then, not one per attempt.
        logger.log(
            level: failures == 1 || failures.isMultiple(of: 30) ? .warning : .debug, "no connection to Redis",
            metadata: ["reason": "\(reason)", "failures": "\(failures)"])
        eventLoop.scheduleTask(in: TimeAmount(backoff.delay(afterFailures: failures))) { [self] in
            if state.withLock({ $0.resume(slot: slot) }) { connect(slot) }
        }
    }
}
