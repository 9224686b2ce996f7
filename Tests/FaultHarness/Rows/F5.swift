import Foundation
import Synchronization
import TestSupport

extension FaultRow {
    /// The machine of Redis loses its power: what was not yet safe on the disk is gone, up to the middle of a command.
    package static let f5 = FaultRow(
        "F5", "the machine of Redis loses its power, with appendfsync always and with everysec",
        passes: "always: nothing acknowledged is lost; everysec: at most 1.1 s of it, and all content is right",
        // Of seven; one that takes nothing is none.
        least: [.powerLoss: 3]
    ) { run in
        try await Fleet.run(run.plan(PowerLoss.settings)) { fleet in
            try await Proxies.run(for: fleet, seed: run.seed) { proxies in
                try await PowerLoss(run: run, fleet: fleet, proxies: proxies).always()
            }
        }
        var plan = run.plan(PowerLoss.settings + ["redis.allow-unsafe=true"])
        plan.redis = ["--appendonly", "yes", "--appendfsync", "everysec"]
        try await Fleet.run(plan) { fleet in
            try await Proxies.run(for: fleet, seed: run.seed) { proxies in
                try await PowerLoss(run: run, fleet: fleet, proxies: proxies).everySecond()
            }
        }
    }
}

private struct PowerLoss {
    // Many attempts are allowed: how often one image is hit is not what is looked at.
    static let settings = Fleet.quick + ["lease.max-attempts=1000"]
    /// How far back everysec is cut; the rest of the 1.1 s is for what Redis itself had not written yet.
    private static let furthest = Duration.milliseconds(900)
    private static let lossLimit = Duration.milliseconds(1100)

    let run: FaultRun
    let fleet: Fleet
    let proxies: Proxies

    /// What Redis wrote behind the last reply that anybody has got is what a loss of power may take.
    func always() async throws {
        var random = run.random("always")
        var taken = 0.0
        let load = try await work(mayForget: false) { load in
            for _ in 0..<(4 * run.scale) {
                try await untilBusy()
                let file = try AppendOnlyFile(of: fleet.redis.folder)
                try await proxies.holdReplies()
                let safe = try file.size
                // What the processes ask for now is carried out, and nobody hears of it. How much that is, is chance.
                try await Task.sleep(for: .milliseconds(Int.random(in: 20...400, using: &random)))
                fleet.redis.kill()
                try await loseConnections()
                let written = try file.size
                let left = random.happens(30) ? safe : UInt64.random(in: safe...written, using: &random)
                try file.cut(to: left)
                taken += Double(written - left)
                if left < written { run.count(.powerLoss) }
                try await fleet.redis.restart()
                try await load.check()
            }
        }
        try await load.check()
        let check = RestCheck(fleet: fleet)
        try await check.swept()
        run.violated(try await check.problems(load.images))
        run.ended(images: load.images.count)
        run.figure("not yet acknowledged, and lost", taken, "bytes")
    }

    /// Redis loses what it wrote in up to the last second.
    func everySecond() async throws {
        var random = run.random("everysec")
        let load = try await work(mayForget: true) { load in
            for _ in 0..<(3 * run.scale) {
                try await untilBusy()
                let file = try AppendOnlyFile(of: fleet.redis.folder)
                let sizes = try await watch(file, for: .milliseconds(1500))
                fleet.redis.kill()
                let lost = ContinuousClock.now
                try await loseConnections()
                let back = Self.furthest * Double.random(in: 0...1, using: &random)
                if let size = sizes.last(where: { $0.at <= lost - back })?.size, try size < file.size {
                    try file.cut(to: size)
                    run.count(.powerLoss)
                }
                try await fleet.redis.restart()
                try await load.check(lossAfter: lost - Self.lossLimit)
            }
        }
        try await load.user.wait(for: load.images.keys)
        let check = RestCheck(fleet: fleet)
        try await eventually(within: .seconds(60)) { try await fleet.holdings().isEmpty }
        run.violated(try await check.problemsInRedis(load.images))
        run.ended(images: load.images.count)
        run.figure("imports forgotten with everysec", Double(load.forgotten), "")
    }

    private func work(mayForget: Bool, _ body: (Load) async throws -> Void) async throws -> Load {
        let api = try await fleet.startAPI(through: try await proxies.start())
        for _ in 0..<2 { _ = try await fleet.startWorker(through: try await proxies.start()) }
        return try await Load.run(users: 8, of: api.client, on: fleet, run, mayForget: mayForget, body)
    }

    private func untilBusy() async throws {
        try await eventually(within: .seconds(60)) { try await fleet.holdings().count > 2 }
    }

    /// Replies that were still on their way go with the power.
    private func loseConnections() async throws {
        try await proxies.cutAll()
        try await proxies.heal()
    }

    private func watch(
        _ file: AppendOnlyFile, for time: Duration
    ) async throws -> [(at: ContinuousClock.Instant, size: UInt64)] {
        var sizes: [(at: ContinuousClock.Instant, size: UInt64)] = []
        let end = ContinuousClock.now + time
        while ContinuousClock.now < end {
            // In this order the size is at least what had been written at that time.
            let now = ContinuousClock.now
            sizes.append((now, try file.size))
            try await Task.sleep(for: .milliseconds(5))
        }
        return sizes
    }
}
