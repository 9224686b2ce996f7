import Foundation
import ImportModel

extension FaultRow {
    /// 30 freezes for each scale.
    package static let f2 = FaultRow(
        "F2", "workers frozen for 0.5, 1, 2 and 10 leases at every step of their work, and at random moments",
        passes: "nothing published ever changes; published by the holder of the lease, once; who lost it hears so",
        least: [.freeze: 30]
    ) { run in
        let frozen = FrozenWorkers(run)
        // In rounds, so that the disk holds the images of one only, and so that each ends at rest.
        for first in stride(from: 0, to: 30 * run.scale, by: 150) {
            let freezes = min(150, 30 * run.scale - first)
            try await Fleet.run(run.plan(FrozenWorkers.settings)) { fleet in
                let api = try await fleet.startAPI()
                var shape = Workload.Shape()
                shape.broken = 15
                let work = Workload(run, fleet, shape) { try await api.client.beginImport($0) }
                // It sees to it that there is an end.
                let steady = try await fleet.startWorker(["--concurrency", "2"])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await work.run() }
                    try await frozen.sleep(freezes, in: fleet)
                    work.stop()
                    try await group.waitForAll()
                }
                try await run.judge(fleet, work)
                try await frozen.judge(fleet, steady)
                run.tell("\(first + freezes) of \(30 * run.scale) freezes")
            }
        }
        frozen.report()
    }
}

/// Workers that fall asleep, at steps that chance chooses or at any moment, and wake up some leases later.
private final class FrozenWorkers {
    private static let lease: Duration = .milliseconds(1500)
    /// Many attempts are allowed: how often one image is hit is not what is looked at.
    static let settings = Fleet.quick + ["lease.max-attempts=1000"]
    /// When a worker that sleeps through its lease has to have heard so, after it woke: only what hangs takes longer.
    private static let hearing: Duration = .seconds(20)

    /// With which chance in a hundred a worker freezes where.
    private static let chances: [(Int, [Failpoint])] = [
        (4, [.blockWritten, .beatSent, .beatAnswered]),
        (
            8,
            [
                .claimSent, .claimAnswered, .sourceBegun, .objectOpened, .commitBegun, .objectWritten, .objectNamed,
                .commitDone, .publishSent, .publishAnswered,
            ]
        ),
        (
            15,
            [
                .failSent, .failAnswered, .garbageSent, .garbageAnswered, .suspectAnswered, .recoverSent,
                .recoverAnswered, .sweepTaken, .sweepDeleted, .sweepReported,
            ]
        ),
    ]

    private struct Sleeper {
        let process: ServiceProcess
        /// When it is frozen by a signal if it has not frozen itself.
        var next: ContinuousClock.Instant
        var wake: ContinuousClock.Instant?
        var sleeps: [(from: Int64, to: Int64)] = []
        var sleptFrom = Date()
    }

    private let run: FaultRun
    private var random: SeededRandom
    private var sleepers: [Sleeper] = []
    private var steps: Set<String> = []
    private var lostAsleep = 0
    private var heard: [Duration] = []

    init(_ run: FaultRun) {
        self.run = run
        random = run.random("freezes")
    }

    /// Freezes workers and wakes them up, so many times.
    func sleep(_ freezes: Int, in fleet: Fleet) async throws {
        let goal = run.faults(.freeze) + freezes
        sleepers = try (0..<6).map { _ in
            let rules = Self.chances.flatMap { chance, points in points.map { "\($0.rawValue)=stop%\(chance)" } }
            let launch = Fleet.Launch(
                ["--concurrency", "2"],
                environment: [
                    FailpointPlan.variable: rules.joined(separator: ","),
                    FailpointPlan.seedVariable: String(UInt32.random(in: 0 ... .max, using: &random)),
                ])
            return Sleeper(process: try fleet.beginWorker(launch), next: soon())
        }
        // Who sleeps when enough have slept sleeps on to its end.
        while run.faults(.freeze) < goal || sleepers.contains(where: { $0.wake != nil }) {
            for index in sleepers.indices { tend(index, mayFreeze: run.faults(.freeze) < goal) }
            // How often it looks.
            try await Task.sleep(for: .milliseconds(10))
        }
        for sleeper in sleepers where sleeper.process.hasExited {
            run.violated(.carriedThrough, "\(sleeper.process.name) ended by itself:\n\(sleeper.process.tail())")
        }
        for sleeper in sleepers { sleeper.process.drain() }
        try await rouse()
    }

    private func tend(_ index: Int, mayFreeze: Bool) {
        let process = sleepers[index].process
        guard process.isStopped else {
            guard mayFreeze, ContinuousClock.now >= sleepers[index].next else { return }
            sleepers[index].next = soon()
            return process.freeze()
        }
        guard let wake = sleepers[index].wake else {
            guard mayFreeze else { return process.thaw() }
            run.count(.freeze)
            sleepers[index].sleptFrom = Date()
            // Ten leases are rarer, or hardly anybody would be awake.
            let leases = random.happens(10) ? 10 : random.pick([0.5, 1, 2])
            sleepers[index].wake = .now + Self.lease * leases
            return
        }
        guard ContinuousClock.now >= wake else { return }
        sleepers[index].sleeps.append((sleepers[index].sleptFrom.milliseconds, Date().milliseconds))
        sleepers[index].wake = nil
        sleepers[index].next = soon()
        process.thaw()
    }

    /// Lets those that drain come to their end.
    private func rouse() async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while sleepers.contains(where: { !$0.process.hasExited }) {
            guard ContinuousClock.now < deadline else {
                return run.violated(.ends, "a worker that was asked to leave is still there after a minute")
            }
            for sleeper in sleepers where sleeper.process.isStopped { sleeper.process.thaw() }
            // How often it looks.
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private func soon() -> ContinuousClock.Instant {
        .now + .milliseconds(Int.random(in: 1000...4000, using: &random))
    }

    /// Holds what the workers say against what Redis tells.
    func judge(_ fleet: Fleet, _ steady: ServiceProcess) async throws {
        var byWorker: [String: (lines: [ServiceProcess.LogLine], sleeps: [(from: Int64, to: Int64)])] = [:]
        for sleeper in sleepers {
            let lines = sleeper.process.lines()
            for line in lines where line.message.hasPrefix("failpoint ") { steps.insert(line.message) }
            byWorker[try await sleeper.process.fleetID()] = (lines, sleeper.sleeps)
        }
        byWorker[try await steady.fleetID()] = (steady.lines(), [])
        var publishers: [String: [String]] = [:]
        for (worker, (lines, _)) in byWorker {
            for line in lines where line.message == "published" {
                let metadata = line.metadata ?? [:]
                publishers[metadata["task"] ?? "", default: []].append("\(metadata["attempt"] ?? "") of \(worker)")
            }
        }
        for history in try await TaskHistory.all(in: fleet) {
            let holder = history.attempts.last.map { "\($0.attempt) of \($0.worker)" } ?? "nobody"
            if publishers[history.task] != [holder] {
                run.violated(
                    .publishedOnce,
                    "task \(history.task) of \(holder) was published by \(publishers[history.task] ?? [])"
                )
            }
            for attempt in history.attempts where attempt.wasRecovered {
                judge(attempt, of: history.task, byWorker[attempt.worker] ?? ([], []))
            }
        }
    }

    private func judge(
        _ attempt: AttemptRecord, of task: String,
        _ worker: (lines: [ServiceProcess.LogLine], sleeps: [(from: Int64, to: Int64)])
    ) {
        // Nobody may lose a lease who did not sleep in it, or in the one before.
        guard let sleep = worker.sleeps.last(where: { $0.from <= attempt.endedAtMs + 20 }),
            sleep.to + 2 * Self.lease.wholeMilliseconds >= attempt.endedAtMs
        else { return run.violated(.economy, "task \(task) lost an attempt of a worker that was awake: \(attempt)") }
        lostAsleep += 1
        let mine = worker.lines.filter {
            $0.metadata?["task"] == task && $0.metadata?["attempt"] == String(attempt.attempt)
        }
        // Who was asleep while it claimed may hear `over` instead, and begins nothing.
        guard mine.contains(where: { $0.message == "attempt begins" }) else { return }
        guard let told = mine.first(where: { $0.message.hasPrefix("lease lost") })?.date else {
            return run.violated(.economy, "\(attempt.worker) lost \(attempt) and never heard so")
        }
        let woke = worker.sleeps.last { $0.to <= told.milliseconds }?.to ?? sleep.to
        let time = Duration.milliseconds(max(0, told.milliseconds - woke))
        heard.append(time)
        if time > Self.hearing { run.violated(.economy, "\(attempt.worker) went on with \(attempt) for \(time)") }
    }

    func report() {
        if lostAsleep == 0 { run.violated(.carriedThrough, "nobody lost a lease in sleep") }
        run.figure("leases lost in sleep", Double(lostAsleep), "leases")
        run.figure("steps at which workers froze", Double(steps.count), "steps")
        if let times = FaultReport.Recovery(heard, bound: Self.hearing) {
            run.figure("from waking to hearing of the loss, median", times.median, "s")
            run.figure("from waking to hearing of the loss, p99", times.p99, "s")
        }
    }
}
