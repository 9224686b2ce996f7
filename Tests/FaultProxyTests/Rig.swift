import FaultProxy
import Foundation
import RedisClient
import TestSupport

/// A real Redis, a proxy in front of it, a client that goes through the proxy and one that does not.
struct Rig: Sendable {
    let redis: RedisServer
    let proxy: FaultProxy
    let client: RedisClient
    let direct: RedisClient

    static func run(
        overTCP: Bool = false, _ body: (Rig) async throws -> Void
    ) async throws {
        try await withRedis { redis in
            let path = redis.folder.appendingPathComponent("p").path
            let proxy = try await FaultProxy.start(
                at: overTCP ? nil : path, upstream: redis.configuration.endpoint)
            var configuration = try RedisConfiguration(url: proxy.url)
            configuration.commandTimeout = .seconds(20)
            configuration.connections = 1
            let result: Result<Void, any Error>
            do {
                try await withClient(configuration) { client in
                    try await withClient(redis.configuration) { direct in
                        try await body(Rig(redis: redis, proxy: proxy, client: client, direct: direct))
                    }
                }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            try await proxy.stop()
            try result.get()
        }
    }

    /// What Redis itself says of the counter `n`.
    var count: Int64 {
        get async throws { try await direct.send("GET", "n").int ?? 0 }
    }

    /// Counts up through the proxy.
    func increment() async throws -> Int64? { try await client.send("INCR", "n").int }
}
