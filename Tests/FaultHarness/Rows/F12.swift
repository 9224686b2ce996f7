import Foundation
import ImportModel
import NIOHTTP1
import RedisClient
import TestSupport

extension FaultRow {
    /// No memory for Redis, no room in a store, no memory for a worker; three fleets at the same time.
    package static let f12 = FaultRow(
        "F12", "Redis reaches its maxmemory, a store's disk is full, a worker gets no more memory",
        passes: "what adds work is refused with 503 and changes nothing; running imports finish; with room or memory "
            + "again everything does",
        least: [.memory: 2, .diskFull: 1]
    ) { run in
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Fleet.run(run.plan()) { try await Scarcity(run: run, fleet: $0).fullRedis() } }
            group.addTask { try await Scarcity.fullDisk(run) }
            group.addTask {
                // Many attempts are allowed: how often one image is hit is not what is looked at.
                try await Fleet.run(run.plan(Fleet.quick + ["lease.max-attempts=1000"])) {
                    try await Scarcity(run: run, fleet: $0).noMemory()
                }
            }
            try await group.waitForAll()
        }
    }
}

private struct Scarcity {
    let run: FaultRun
    let fleet: Fleet

    func fullRedis() async throws {
        let api = try await fleet.startAPI()
        _ = try await fleet.startWorkers(2)
        let load = try await Load.run(users: 4, of: api.client, on: fleet, run) { load in
            for _ in 0..<run.scale {
                let idle = try await load.user.create()
                try await eventually(within: .seconds(60)) { try await fleet.holdings().count > 2 }
                _ = try await fleet.ask(RedisCommand("CONFIG", "SET", "maxmemory", 1))
                run.count(.memory)
                let running = Array(load.images.keys)
                async let isRefused: Void = refusals(of: api.client, idle)
                try await load.user.wait(for: running, within: .seconds(60))
                try await isRefused
                try await load.check()
                _ = try await fleet.ask(RedisCommand("CONFIG", "SET", "maxmemory", 0))
            }
        }
        run.ended(images: load.images.count)
        run.violated(try await RestCheck(fleet: fleet).problems(load.images, isSwept: false))
    }

    /// Asks a service whose Redis is full for what would fill it further.
    private func refusals(of client: FleetClient, _ idle: ImageID) async throws {
        let made = try await client.send(.POST, "/v2/images", json: #"{"name":"one more"}"#)
        if made.status != 503 { run.violated(.answers, "\(UnexpectedAnswer("a create with a full Redis", made))") }
        let begun = try await client.requestImport(idle, fleet.source.url(SourceImage(seed: 1, mib: 1)))
        if begun.status != 503 { run.violated(.answers, "\(UnexpectedAnswer("an import with a full Redis", begun))") }
        let lock = try await fleet.ask(RedisCommand("GET", "{longshore}:image:\(idle):lock"))
        let status = try await client.image(idle).status
        if !lock.isNull || status != "queued" {
            run.violated(.consistent, "an import that was refused left \(idle) \(status), with the lock \(lock)")
        }
    }

    /// A disk that all processes of a fleet share, and nobody else sees.
    static func fullDisk(_ run: FaultRun) async throws {
        // Several at a time would take the room from each other, and each needs only what one user frees.
        let plan = run.plan(Fleet.quick + ["lease.max-attempts=1000", "worker.concurrency=1"])
        try await Fleet.run(plan) { try await Scarcity(run: run, fleet: $0).fullDisk() }
    }

    private func fullDisk() async throws {
        let disk = SmallDisk(mib: 16, store: fleet.store)
        let api = try await fleet.startAPI(.init(launcher: disk.founder))
        for _ in 0..<2 { _ = try await fleet.startWorker(.init(launcher: disk.member(of: api.process))) }
        let check = RestCheck(fleet: fleet, objects: disk.contents(of: api.process))
        let user = PatientUser(api.client, run)
        var next = 0
        for _ in 0..<run.scale {
            let failed = try await fleet.counter("attempts:retry")
            // More than there is room for.
            var images: [ImageID: SourceImage] = [:]
            for _ in 0..<6 {
                next += 1
                let image = SourceImage(seed: next, mib: 4)
                images[try await user.beginImport(fleet.source.url(image))] = image
            }
            try await eventually(within: .seconds(60)) { try await fleet.counter("attempts:retry") > failed }
            run.count(.diskFull)
            // Nothing is active that is not whole; and room comes only from what users delete.
            var waiting = images
            try await eventually(within: .seconds(120)) {
                for (id, image) in waiting where try await user.image(id)?.status == "active" {
                    run.violated(try await check.content([id: image]))
                    let deleted = try await api.client.send(.DELETE, "/v2/images/\(id)")
                    guard deleted.status == 204 else { throw UnexpectedAnswer("delete", deleted) }
                    waiting[id] = nil
                }
                return waiting.isEmpty
            }
            run.ended(images: images.count)
        }
        try await check.swept()
        run.violated(try await check.problems([:]))
    }

    /// Workers that cannot get another page die, or fail what they do; others take over.
    func noMemory() async throws {
        // A crash report would need memory, too.
        let launch = Fleet.Launch(environment: ["SWIFT_BACKTRACE": "enable=no"], mayDie: true)
        let api = try await fleet.startAPI()
        _ = try await fleet.startWorkers(2)
        var died = 0
        let load = try await Load.run(users: 8, of: api.client, on: fleet, run) { load in
            for _ in 0..<(2 * run.scale) {
                // One that has not yet imported anything: what it holds is less than it will need.
                let victim = try await fleet.startWorker(launch)
                let limited = try await Program.run("prlimit", ["--pid", String(victim.pid), "--data=1048576"])
                guard limited.code == 0 else { throw ServiceFailure("prlimit: \(limited.complaint)") }
                let name = try await victim.fleetID()
                try await eventually(within: .seconds(60)) {
                    if victim.hasExited { return true }
                    return try await fleet.holdings().contains { $0.worker == name }
                }
                try await load.user.wait(for: load.images.keys, within: .seconds(60))
                if victim.hasExited {
                    died += 1
                    run.count(.memory)
                }
                victim.kill()
            }
        }
        run.ended(images: load.images.count)
        if died == 0 { run.violated(.carriedThrough, "no worker has died for want of memory") }
        run.figure("workers that died for want of memory", Double(died), "")
        let check = RestCheck(fleet: fleet)
        try await check.swept()
        run.violated(try await check.problems(load.images))
    }
}
