package import FaultProxy
import Foundation
package import RedisClient
import Synchronization
import TestSupport

/// A proxy of its own between each process of a fleet and Redis.
package final class Proxies: Sendable {
    private let fleet: Fleet
    private let seed: UInt64
    private let upstream: Mutex<RedisConfiguration.Endpoint>
    private let started = Mutex<[FaultProxy]>([])

    /// Runs `body` with proxies that are gone afterwards.
    package static func run(
        for fleet: Fleet, seed: UInt64, _ body: (Proxies) async throws -> Void
    ) async throws {
        let proxies = Proxies(fleet, seed: seed)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(proxies))
        } catch {
            result = .failure(error)
        }
        for proxy in proxies.all { try await proxy.stop() }
        try result.get()
    }

    private init(_ fleet: Fleet, seed: UInt64) {
        self.fleet = fleet
        self.seed = seed
        upstream = Mutex(fleet.redis.configuration.endpoint)
    }

    package var all: [FaultProxy] { started.withLock { $0 } }

    /// What all of them have done.
    package var tally: FaultTally {
        all.reduce(into: FaultTally()) { $0.add($1.tally) }
    }

    /// A new proxy, by turns on a unix socket and on a port.
    package func start() async throws -> FaultProxy {
        let number = all.count
        let proxy = try await FaultProxy.start(
            at: number.isMultiple(of: 2) ? fleet.folder.appendingPathComponent("p\(number)").path : nil,
            upstream: upstream.withLock { $0 }, seed: seed &+ UInt64(number))
        started.withLock { $0.append(proxy) }
        return proxy
    }

    package func use(_ rules: [FaultRule]) {
        for proxy in all { proxy.use(rules) }
    }

    /// See `FaultProxy`: the same for each.
    package func heal() async throws { for proxy in all { try await proxy.heal() } }
    package func holdReplies() async throws { for proxy in all { try await proxy.holdReplies() } }
    package func cutAll() async throws { for proxy in all { try await proxy.cutAll() } }

    package func point(at endpoint: RedisConfiguration.Endpoint) async throws {
        upstream.withLock { $0 = endpoint }
        for proxy in all { try await proxy.point(at: endpoint) }
    }
}

extension Fleet {
    /// An API process that reaches Redis through `proxy`.
    package func startAPI(through proxy: FaultProxy) async throws -> API {
        try await startAPI(Launch(redisURL: proxy.url))
    }

    package func startWorker(through proxy: FaultProxy, _ more: [String] = []) async throws -> ServiceProcess {
        try await startWorker(Launch(more, redisURL: proxy.url))
    }
}
