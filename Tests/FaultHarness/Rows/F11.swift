import Foundation
import ImportModel
import RedisClient
import TestSupport

extension FaultRow {
    package static let f11 = FaultRow(
        "F11", "clocks that are wrong, jump, and run fast or slow, in every process",
        passes: "no steal from a healthy worker; a dead one is still recovered",
        least: [.clock: 5, .kill: 1]
    ) { run in
        for round in 0..<run.scale { try await ClockRound(run: run, round: round).play() }
    }
}

private struct ClockRound {
    private static let readings: [WallClock.Reading] =
        [3600, -3600, 86_400, -86_400, 5, -5, 0].map { .init(offset: $0) }
        + [1.1, 0.9].map { .init(offset: 0, pace: $0) }

    let run: FaultRun
    let round: Int

    func play() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // nothing depends on its going
        var random = run.random("round \(round)")
        var clocks: [WallClock] = []
        var shown: [WallClock.Reading] = []
        for name in ["redis", "api", "worker-0", "worker-1", "worker-2"] {
            shown.append(random.pick(Self.readings))
            clocks.append(try await WallClock(name, in: folder, shown[clocks.count]))
        }
        var plan = run.plan(Fleet.calm)
        plan.redisLauncher = clocks[0].launcher
        try await Fleet.run(plan) { fleet in
            let api = try await fleet.startAPI(Fleet.Launch(launcher: clocks[1].launcher))
            let client = api.client
            var workers: [ServiceProcess] = []
            for clock in clocks[2...] {
                workers.append(try await fleet.startWorker(Fleet.Launch(launcher: clock.launcher)))
            }
            run.count(.clock, shown.count { !$0.isRight })
            try await requireDifference(fleet, clocks[0])
            shown[0] = Self.tomorrow
            var images: [ImageID: SourceImage] = [:]
            for number in 0..<9 {
                // Each takes several leases.
                let image = SourceImage(seed: 100 * round + number, mib: 4)
                let drip = ImageSource.Fault(kind: .drip, number: 1 << 20)
                images[try await client.beginImport(fleet.source.url(image, drip))] = image
            }
            for _ in 0..<8 {
                let index = Int.random(in: clocks.indices, using: &random)
                // Another one, or nothing happens.
                let reading = random.pick(Self.readings.filter { $0 != shown[index] })
                run.tell("clock \(index) shows \(reading)")
                try clocks[index].set(reading)
                shown[index] = reading
                if !reading.isRight { run.count(.clock) }
                // The moment is the fault: several beats and scans go by on each clock.
                try await Task.sleep(for: .milliseconds(500))
            }
            try await client.wait(for: images.keys, within: .seconds(60))
            for id in images.keys {
                let task = try await client.task(of: id)
                if task.attempt != 1 {
                    run.violated(.economy, "a healthy import took \(task.attempt) attempts: \(task.history ?? [])")
                }
            }
            images.merge(try await kill(workers, fleet, client)) { $1 }
            run.ended(images: images.count)
            let check = RestCheck(fleet: fleet)
            try await check.swept()
            run.violated(try await check.problems(images))
            for (process, clock) in zip([api.process] + workers, clocks[1...]) where !process.hasExited {
                try await requireDifference(process, clock)
            }
        }
    }

    private static let tomorrow = WallClock.Reading(offset: 86_400)

    /// A fault that is not done proves nothing: Redis must see its own clock.
    private func requireDifference(_ fleet: Fleet, _ clock: WallClock) async throws {
        try clock.set(Self.tomorrow)
        run.count(.clock)
        let seconds = try await fleet.ask(RedisCommand("TIME")).array?.first?.string.flatMap { Double($0) } ?? 0
        guard seconds - Date().timeIntervalSince1970 > 80_000 else {
            throw ServiceFailure("the clock has no effect: Redis shows the right time")
        }
    }

    /// The same of a service, which writes the time to its log when it ends.
    private func requireDifference(_ process: ServiceProcess, _ clock: WallClock) async throws {
        try clock.set(Self.tomorrow)
        try await process.terminate()
        guard let last = process.lines().last(where: { $0.date != nil })?.date, last.timeIntervalSinceNow > 80_000
        else {
            throw ServiceFailure("the clock has no effect on \(process.name):\n\(process.tail(3))")
        }
    }

    /// With clocks as they are now, a worker that dies is found.
    private func kill(
        _ workers: [ServiceProcess], _ fleet: Fleet, _ client: FleetClient
    ) async throws -> [ImageID: SourceImage] {
        let image = SourceImage(seed: 100 * round + 50, mib: 4)
        let half = ImageSource.Fault(kind: .gate, number: image.size / 2, times: 1)
        let id = try await client.beginImport(fleet.source.url(image, half))
        try await eventually(within: .seconds(30)) { try await client.task(of: id).bytesDone > 0 }
        let holder = try await client.task(of: id).worker
        let killed = ContinuousClock.now
        for worker in workers where try await worker.fleetID() == holder { worker.kill() }
        run.count(.kill)
        try await eventually(within: .seconds(30)) { try await client.task(of: id).attempt == 2 }
        // The lease, two beats and a sweep, and what a jump costs that came just before.
        run.recovered(
            after: ContinuousClock.now - killed, bound: .milliseconds(2 * Fleet.calmLease + 1800 + 1500))
        try await client.wait(for: [id], within: .seconds(30))
        return [id: image]
    }
}
