import FaultProxy
import Foundation
import ImportModel
import RedisClient
import Synchronization
import TestSupport

extension FaultRow {
    /// The primary dies while its replica lags behind, and the replica takes over.
    package static let f6 = FaultRow(
        "F6", "failover to a replica that lags, with replicas that confirm and without",
        passes:
            "with WAIT no acknowledged import or publish is lost; without it all content is right and nothing is stuck",
        least: [.failover: 4]
    ) { run in
        for confirming in [1, 0] {
            var plan = run.plan(Fleet.quick + ["lease.max-attempts=1000", "redis.replicas=\(confirming)"])
            plan.redis += Chain.replication
            let chain = Chain()
            let result: Result<Void, any Error>
            do {
                try await Fleet.run(plan) { fleet in
                    try await Proxies.run(for: fleet, seed: run.seed) { proxies in
                        let isConfirmed = confirming > 0
                        try await Failover(
                            run: run, fleet: fleet, proxies: proxies, isConfirmed: isConfirmed, chain: chain
                        ).go()
                    }
                }
                result = .success(())
            } catch {
                result = .failure(error)
            }
            try await chain.end()
            try result.get()
        }
    }
}

/// A chain of servers: each replica has one of its own, which goes on with it when it takes over.
private final class Chain: Sendable {
    static let replication = ["--repl-diskless-sync-delay", "0", "--repl-timeout", "10"]

    /// A replica, and what lies between it and its primary.
    struct Replica {
        let server: RedisServer
        let wire: FaultProxy
    }

    private let replicas = Mutex<[Replica]>([])

    /// Starts a replica of `primary`, and returns once it is in step.
    func follow(_ primary: RedisServer) async throws -> Replica {
        let wire = try await FaultProxy.start(upstream: primary.configuration.endpoint)
        guard case .tcp(let host, let port) = wire.endpoint else {
            throw ServiceFailure("a replica needs a port to follow, not \(wire.endpoint)")
        }
        let server = try await RedisServer.start(
            Fleet.durable + Self.replication + ["--replicaof", host, String(port)])
        let replica = Replica(server: server, wire: wire)
        replicas.withLock { $0.append(replica) }
        try await withClient(server.configuration) { client in
            try await eventually(within: .seconds(30)) {
                try await client.send("INFO", "replication").string?.contains("master_link_status:up") == true
            }
        }
        return replica
    }

    func end() async throws {
        for replica in replicas.withLock({ $0 }) {
            try await replica.wire.stop()
            replica.server.stop()
        }
    }
}

private struct Failover {
    let run: FaultRun
    let fleet: Fleet
    let proxies: Proxies
    let isConfirmed: Bool
    let chain: Chain

    func go() async throws {
        var replica = try await chain.follow(fleet.redis)
        var spare = try await chain.follow(replica.server)
        var primary = fleet.redis
        let api = try await fleet.startAPI(through: try await proxies.start())
        var workers: [ServiceProcess] = []
        for _ in 0..<2 { workers.append(try await fleet.startWorker(through: try await proxies.start())) }
        var random = run.random(isConfirmed ? "confirmed" : "unconfirmed")
        let load = try await Load.run(users: 8, of: api.client, on: fleet, run, mayForget: !isConfirmed) { load in
            for _ in 0..<(2 * run.scale) {
                try await eventually(within: .seconds(60)) { try await fleet.holdings().count > 2 }
                let lagging = ContinuousClock.now
                try await replica.wire.isolate()
                // How far the replica falls behind.
                try await Task.sleep(for: .milliseconds(Int.random(in: 200...1500, using: &random)))
                primary.kill()
                // What was on its way to the replica goes with the primary.
                try await replica.wire.cutAll()
                let published = try publishedImages(by: workers)
                try await withClient(replica.server.configuration) { _ = try await $0.send("REPLICAOF", "NO", "ONE") }
                fleet.ask(at: replica.server)
                try await proxies.point(at: replica.server.configuration.endpoint)
                run.count(.failover)
                // Replication is not instant, so what was acknowledged just before may be missing, too.
                try await load.check(
                    published: isConfirmed ? published : nil, lossAfter: isConfirmed ? nil : lagging - .seconds(1))
                primary.stop()
                primary = replica.server
                replica = spare
                spare = try await chain.follow(replica.server)
            }
        }
        try await load.user.wait(for: load.images.keys)
        try await eventually(within: .seconds(60)) { try await fleet.holdings().isEmpty }
        let check = RestCheck(fleet: fleet)
        if isConfirmed {
            try await check.swept()
            run.violated(try await check.problems(load.images))
        } else {
            run.violated(try await check.problemsInRedis(load.images))
            run.figure("imports forgotten without WAIT", Double(load.forgotten), "")
        }
        run.ended(images: load.images.count)
    }

    /// The images whose publish was acknowledged to a worker.
    private func publishedImages(by workers: [ServiceProcess]) throws -> Set<ImageID> {
        var images = Set<ImageID>()
        for line in workers.flatMap({ $0.lines() }) where line.message == "published" {
            if let image = line.metadata?["image"].flatMap({ ImageID(rawValue: $0) }) { images.insert(image) }
        }
        return images
    }
}
