import LeaseStore
import RedisClient
import Synchronization

/// Calls per second of the protocol's scripts, beside a script that does nothing, over the same client.
///
/// The reference that writes one key tells what the disk takes when every write is fsynced; the empty script writes
/// nothing, so it never waits for the disk.
struct ScriptRates {
    let durability: Durability
    let inFlight: Int

    private static let empty = RedisScript(name: "empty", source: "return 1")
    private static let oneSet = RedisScript(name: "one-set", source: "redis.call('SET', KEYS[1], ARGV[1]) return 1")

    /// One import per image, so that each script runs once for each of them.
    private var count: Int { inFlight == 1 ? 1000 : 6400 }

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        try await place.withCatalog(durability) { catalog, _ in
            // The first pass loads the scripts and warms everything up.
            _ = try await pass(catalog)
            var passes: [[(name: String, metered: Metered)]] = []
            for _ in 0..<runs {
                try await catalog.reset()
                passes.append(try await pass(catalog))
            }
            let rows = (passes.first ?? []).indices.map { row in
                (name: passes[0][row].name, metered: passes.map { $0[row].metered })
            }
            let bare = rows.first?.metered.map(\.rate).median
            return rows.map { name, metered in
                Figure(
                    section: "scripts per second, \(durability.rawValue), \(inFlight) in flight", name: name,
                    value: metered.map(\.rate).median, unit: "/s",
                    ratio: bare.map { metered.map(\.rate).median / $0 },
                    redisMicroseconds: metered.map(\.redisMicroseconds).median,
                    clientMicroseconds: metered.map(\.clientMicroseconds).median)
            }
        }
    }

    private func pass(_ catalog: Catalog) async throws -> [(name: String, metered: Metered)] {
        let images = try await catalog.addImages(count)
        let claims = Claims()
        func meter(
            _ name: String, _ operation: @escaping @Sendable (Int) async throws -> Void
        ) async throws -> (String, Metered) {
            (name, try await metered(count, inFlight: inFlight, catalog, operation))
        }
        return [
            try await meter("empty script") { _ in try await catalog.redis.run(Self.empty, keys: [], arguments: []) },
            try await meter("one SET") { index in
                try await catalog.redis.run(Self.oneSet, keys: ["{\(Catalog.prefix)}:one"], arguments: [index])
            },
            try await meter("import-create") { try await catalog.enqueue(images[$0]) },
            try await meter("import-claim") { claims.keep(try await catalog.claim(), at: $0) },
            try await meter("import-beat") { try await catalog.beat(try claims.take($0)) },
            try await meter("import-publish") { try await catalog.publish(try claims.take($0)) },
        ]
    }
}

/// What was claimed, from one step to the next.
private final class Claims: Sendable {
    private let claims = Mutex<[Int: Claim]>([:])

    func keep(_ claim: Claim, at index: Int) { claims.withLock { $0[index] = claim } }

    func take(_ index: Int) throws -> Claim {
        guard let claim = claims.withLock({ $0[index] }) else { throw BenchError("nothing was claimed") }
        return claim
    }
}
