import ImportModel
import LeaseStore
import TestSupport

extension FaultRow {
    /// A tenth of that, and six idle workers, for each scale: all of it from 10 on, and 200 idle workers from 34 on.
    package static let f20 = FaultRow(
        "F20", "100,000 tasks wait, and 10,000 run",
        passes: "no call costs more commands than with a few; idle workers stay idle; the figures are told",
        least: [.crowd: 11_000]
    ) { run in
        // The check of everything is made at the end, and not beside what is measured.
        let settings =
            Fleet.patient + [
                // Nobody beats, and nobody is silent for two beats while the row lasts.
                "lease.duration=10m", "lease.beat=2m", "sweep.interval=1m", "audit.interval=1h",
            ]
        try await Fleet.run(run.plan(settings)) { fleet in
            let api = try await fleet.startAPI()
            try await PretendFleet.with(fleet, lease: .seconds(600)) { pretend in
                let multitude = Multitude(run: run, fleet: fleet, pretend: pretend)
                try await multitude.fill(and: api)
                try await multitude.timeSweeps()
                try await multitude.timeCreates(api.client)
                try await multitude.watchIdleWorkers()
                try await multitude.lookAtAll()
            }
        }
    }
}

/// Many tasks, and what the fleet's calls cost beside them.
private struct Multitude {
    let run: FaultRun
    let fleet: Fleet
    let pretend: PretendFleet

    /// More than there are wake tokens, of which the oldest go.
    private static let few = 100
    private static let tenants = 20

    private var waiting: Int { min(100_000, 10_000 * run.scale) }
    private var running: Int { waiting / 10 }

    /// Commands of one call each.
    private struct Costs: Equatable {
        var create = 0
        var claim = 0
        /// Of a sweep that finds nobody silent.
        var sweep = 0
    }

    func fill(and api: Fleet.API) async throws {
        let url = fleet.source.url(SourceImage(seed: 0, mib: 1))
        // Nobody else may be counted: the API process sleeps.
        api.process.freeze()
        let pretend = pretend
        try await pretend.many(Self.few) { try await pretend.queue(url, tenant: "tenant-\($0 % Self.tenants)") }
        let few = try await costs(url)
        try await pretend.many(waiting + running - Self.few) {
            try await pretend.queue(url, tenant: "tenant-\($0 % Self.tenants)")
        }
        try await pretend.many(running) { _ in _ = try await pretend.claim() }
        run.count(.crowd, waiting + running)
        let many = try await costs(url)
        if many != few {
            run.violated(.economy, "commands of one call are \(many) with \(waiting) tasks, and \(few) with a few")
        }
        run.figure("commands of a create", Double(many.create), "")
        run.figure("commands of a claim", Double(many.claim), "")
        run.figure("commands of a sweep", Double(many.sweep), "")
        // However many are silent, one sweep looks at a thousand.
        let silent = try await pretend.commands { _ = try await pretend.store.scanLeases(silence: .zero, host: "h") }
        if silent > many.sweep + 1000 {
            run.violated(.economy, "a sweep over \(running) silent attempts took \(silent) commands")
        }
        run.figure("memory of Redis", try await pretend.info("memory", "used_memory") / 1_048_576, "MiB")
        api.process.thaw()
    }

    private func costs(_ url: String) async throws -> Costs {
        var costs = Costs()
        // An image and its import; the first call of a script may have to load it.
        for _ in 0..<2 {
            costs.create = try await pretend.commands { try await pretend.queue(url, tenant: "tenant-0") }
            costs.claim = try await pretend.commands { _ = try await pretend.claim() }
            costs.sweep = try await pretend.commands {
                _ = try await pretend.store.scanLeases(silence: .seconds(3600), host: "h")
            }
        }
        return costs
    }

    /// What a recoverer asks each time: nobody is silent, and everybody is.
    func timeSweeps() async throws {
        for (name, silence) in [("nobody silent", Duration.seconds(3600)), ("all silent", .zero)] {
            var times: [Double] = []
            for _ in 0..<20 {
                let start = ContinuousClock.now
                _ = try await pretend.store.scanLeases(silence: silence, host: "h")
                times.append((ContinuousClock.now - start) / .milliseconds(1))
            }
            run.figure("sweep of \(running) leases, \(name), p50", quantile(times, 50), "ms")
        }
    }

    /// Imports that users ask for meanwhile.
    func timeCreates(_ client: FleetClient) async throws {
        let url = fleet.source.url(SourceImage(seed: 0, mib: 1))
        let count = 50 * min(run.scale, 10)
        let times = try await withThrowingTaskGroup(of: [Double].self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var times: [Double] = []
                    for _ in 0..<count {
                        let image = try await client.create()
                        let start = ContinuousClock.now
                        let answer = try await client.requestImport(image, url)
                        times.append((ContinuousClock.now - start) / .milliseconds(1))
                        guard answer.status == 202 else { throw UnexpectedAnswer("import", answer) }
                    }
                    return times
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        run.figure("create, p50", quantile(times, 50), "ms")
        run.figure("create, p99", quantile(times, 99), "ms")
    }

    /// Workers with nothing to do, though much waits: the queue is paused. Six for each scale; at 34 there are 200.
    func watchIdleWorkers() async throws {
        try await pretend.store.setPaused(true)
        let workers = try await fleet.startWorkers(min(200, 6 * run.scale))
        // What they ask of each other at their start is over when nobody asks for another's record any more.
        var known = -1
        try await eventually(within: .seconds(120)) {
            let before = known
            known = try await pretend.calls()["hgetall"] ?? 0
            try await Task.sleep(for: .seconds(2))  // how far apart it looks
            return known == before
        }
        let before = try await pretend.calls()
        let start = ContinuousClock.now
        try await Task.sleep(for: .seconds(8))  // the length of the measurement
        let calls = try await pretend.calls().merging(before) { $0 - $1 }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let requests = ["evalsha", "evalsha_ro", "eval", "blpop"].reduce(0) { $0 + Double(calls[$1] ?? 0) } / seconds
        run.figure("requests a second of \(workers.count) idle workers", requests, "1/s")
        let commands = Double(calls.values.reduce(0, +)) / seconds
        run.figure("commands a second for \(workers.count) idle workers", commands, "1/s")
        // All recoverers together look five times a second; a worker by itself hardly ever asks. 200 may make 100.
        let limit = 6 + 0.47 * Double(workers.count)
        if requests > limit {
            run.violated(.economy, "\(workers.count) idle workers made \(requests) requests a second, over \(limit)")
        }
        // What is asked without a script is among these only. The dearest call, a sweep, takes eleven.
        if commands > 12 * limit {
            run.violated(.economy, "\(workers.count) idle workers cost \(commands) commands a second")
        }
    }

    /// The online check of all of it.
    func lookAtAll() async throws {
        let start = ContinuousClock.now
        let report = try await pretend.store.auditTasks()
        let perTask = (ContinuousClock.now - start) / .milliseconds(1) / Double(report.looked[.tasks] ?? 1)
        run.figure("online check of 10,000 tasks", perTask * 10_000, "ms")
        run.violated(.consistent, report.faults.map { "\($0.invariant.rawValue) \($0.text)" })
        if report.looked[.tasks] ?? 0 < waiting + running { run.violated(.acknowledged, "tasks are missing") }
        run.violated(.consistent, try await RestCheck(fleet: fleet).faults())
    }

    private func quantile(_ values: [Double], _ percent: Int) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * percent / 100)]
    }
}
