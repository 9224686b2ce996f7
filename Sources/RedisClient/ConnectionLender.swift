import NIOCore
import Synchronization

/// Lends connections for one user at a time, a bounded number of them, so that nothing ordinary waits behind a block.
final class ConnectionLender: Sendable {
    private let state: Mutex<LendingState<RedisConnection, Suspension<Void>>>
    private let limit: Int
    private let connector: Connector
    private let connectTimeout: TimeAmount
    private let eventLoop: any EventLoop
    private let backoff = Backoff()

    init(limit: Int, connectTimeout: TimeAmount, connector: Connector, eventLoop: any EventLoop) {
        self.limit = max(limit, 1)
        state = Mutex(LendingState(limit: max(limit, 1)))
        self.connectTimeout = connectTimeout
        self.connector = connector
        self.eventLoop = eventLoop
    }

    func withConnection<R>(_ body: (RedisConnection) async throws -> R) async throws -> R {
        try Task.checkCancellation()
        let deadline = NIODeadline.now() + connectTimeout
        try await takeRoom(by: deadline)
        defer { leaveRoom() }
        let connection = try await open(by: deadline)
        var isReusable = false
        // After an error nobody knows what the connection is in the middle of.
        defer { giveBack(connection, isReusable: isReusable) }
        let result = try await body(connection)
        isReusable = connection.isOpen
        return result
    }

    /// Closes all connections, lent ones too, and returns once that is done.
    func close() async {
        let (connections, waiters) = state.withLock { $0.close() }
        for waiter in waiters { waiter.end(with: .failure(RedisError.notSent(reason: "the client is closed"))) }
        for connection in connections { connection.close(reason: "the client was closed") }
        for connection in connections { await connection.untilClosed() }
    }

    // MARK: Room

    private func takeRoom(by deadline: NIODeadline) async throws {
        let suspension = Suspension<Void>()
        switch state.withLock({ $0.takeRoom(orKeep: suspension) }) {
        case .granted: return
        case .closed: throw RedisError.notSent(reason: "the client is closed")
        case .wait: break
        }
        do {
            try await suspension.wait(until: deadline, on: eventLoop) { [limit] in
                .notSent(reason: "all \(limit) connections for blocking commands are in use; allow more of them")
            }
        } catch {
            state.withLock { $0.forget { $0 === suspension } }
            throw error
        }
    }

    private func leaveRoom() {
        while let waiter = state.withLock({ $0.leaveRoom() }) {
            if waiter.end(with: .success(())) { return }
        }
    }

    // MARK: Connections

    private func open(by deadline: NIODeadline) async throws -> RedisConnection {
        while true {
            let (idle, stale) = state.withLock { $0.takeIdle(now: .now()) }
            for connection in stale { connection.close(reason: "idle") }
            guard let connection = idle else { break }
            if connection.isOpen { return try lend(connection) }
        }
        var failures = 0
        while true {
            do {
                return try lend(try await connector.connect(atMost: deadline - .now()).get())
            } catch let failure as ConnectFailure {
                failures += 1
                let delay = TimeAmount(backoff.delay(afterFailures: failures))
                guard .now() + delay < deadline else { throw RedisError.notSent(reason: failure.reason) }
                try await Task.sleep(for: Duration(delay))
                guard !state.withLock({ $0.isClosed }) else {
                    throw RedisError.notSent(reason: "the client is closed")
                }
            }
        }
    }

    private func lend(_ connection: RedisConnection) throws(RedisError) -> RedisConnection {
        guard state.withLock({ $0.lend(connection) }) else {
            connection.close(reason: "the client was closed")
            throw .notSent(reason: "the client is closed")
        }
        return connection
    }

    private func giveBack(_ connection: RedisConnection, isReusable: Bool) {
        if !state.withLock({ $0.giveBack(connection, isReusable: isReusable, now: .now()) }) {
            connection.close(reason: "given back")
        }
    }
}
