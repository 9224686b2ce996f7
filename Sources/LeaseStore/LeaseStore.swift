package import ImportModel
package import RedisClient

/// The lease protocol over Redis: locks, tasks, the queue, recovery, image records and garbage.
///
/// Every change is one script, and every script is idempotent on the ids that the caller gives: after `inDoubt` the
/// same call may be made again. `docs/protocol.md` is the contract.
package final class LeaseStore: Sendable {
    /// The layout of the keys that this version reads and writes.
    package static let schemaVersion = "2"

    package let keys: Keys
    package let settings: LeaseSettings
    let redis: RedisClient
    /// Replicas that must confirm a durable change; 0 where there are none.
    private let replicas: Int
    private let observe: @Sendable (_ script: String, _ took: Duration) -> Void

    /// - Parameters:
    ///   - observe: told how long each call of a script took.
    package init(
        redis: RedisClient, keys: Keys, settings: LeaseSettings, replicas: Int = 0,
        observe: @escaping @Sendable (_ script: String, _ took: Duration) -> Void = { _, _ in }
    ) {
        self.redis = redis
        self.keys = keys
        self.settings = settings
        self.replicas = replicas
        self.observe = observe
    }

    /// Runs a script. With replicas, a durable one is confirmed by them before its answer is believed.
    /// - Throws: `LeaseStoreError`; `CancellationError` only where nothing was sent.
    func call(
        _ script: RedisScript, _ arguments: [any RedisArgument], isDurable: Bool = false
    ) async throws -> Reply {
        let start = ContinuousClock.now
        defer { observe(script.name, ContinuousClock.now - start) }
        do {
            let value =
                if isDurable, replicas > 0 {
                    try await confirmed(script, arguments)
                } else {
                    try await redis.run(script, keys: [keys.anchor], arguments: arguments)
                }
            return try Reply(value, of: script.name)
        } catch let error as RedisError {
            throw LeaseStoreError(error)
        }
    }

    /// `WAIT` speaks of what its own connection wrote, so script and `WAIT` share one that nothing else uses.
    private func confirmed(_ script: RedisScript, _ arguments: [any RedisArgument]) async throws -> RedisValue {
        try await redis.withConnection { connection in
            let value = try await connection.run(script, keys: [keys.anchor], arguments: arguments)
            let reply = try await connection.sendBlocking(
                RedisCommand("WAIT", replicas, 3000), timeout: .seconds(5))
            guard let confirmations = reply.int, confirmations >= replicas else {
                throw RedisError.inDoubt(reason: "only \(reply.int ?? 0) of \(replicas) replicas confirmed in 3 s")
            }
            return value
        }
    }

    /// Sends plain reads in one round trip.
    func read(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        do {
            let replies = try await redis.pipeline(commands)
            for case .error(let error) in replies { throw RedisError.refused(error) }
            return replies
        } catch let error as RedisError {
            throw LeaseStoreError(error)
        }
    }

    /// Makes the same call, with the same ids, until it answers: what protects against lost replies and short outages.
    ///
    /// - Parameter limit: after this long the last error is thrown.
    /// - Throws: `LeaseStoreError`; `CancellationError`.
    package static func insist<Answer>(
        for limit: Duration, _ call: () async throws -> Answer
    ) async throws -> Answer {
        let deadline = ContinuousClock.now + limit
        let pause = RetryPolicy(base: .milliseconds(50), cap: .seconds(2))
        var failures = 0
        while true {
            do {
                return try await call()
            } catch let error as LeaseStoreError where error.isTransient && ContinuousClock.now < deadline {
                failures += 1
                try await Task.sleep(for: pause.delay(afterFailures: failures))
            }
        }
    }
}

extension Duration {
    /// As scripts take durations: whole milliseconds.
    var argument: Int { Int(wholeMilliseconds) }
}
