import FaultProxy
import Foundation
import ImportModel
import RedisClient
import TestSupport

extension FaultRow {
    /// Every process of a fleet of two API processes and three workers, twice for each scale.
    package static let f14 = FaultRow(
        "F14", "rolling restart under load, with two editions of the scripts at once, and scripts flushed meanwhile",
        passes: "no import fails and no attempt is spent; what was running is handed over; every process leaves",
        least: [.drain: 10]
    ) { run in
        for turns in 0..<((run.scale + 9) / 10) {
            try await Fleet.run(run.plan(RollingFleet.settings)) { fleet in
                let rolling = try await RollingFleet(run, fleet)
                for _ in 0..<min(2 * (run.scale - 10 * turns), 20) { try await rolling.turnOver() }
                try await rolling.end()
            }
        }
    }
}

/// A fleet whose processes are replaced one after the other.
private final class RollingFleet {
    /// Nobody loses a lease here, so what is not handed over is seen by its waiting.
    static let settings = Fleet.quick + ["lease.duration=20s", "lease.beat=1s", "lease.margin=5s"]
    /// Generous: only what hangs takes longer.
    private static let patience: Duration = .seconds(45)

    private let run: FaultRun
    private let fleet: Fleet
    private let otherEdition: FaultProxy
    private let client: RepeatingClient
    private let work: Workload
    private let busy: Task<Void, any Error>
    private var random: SeededRandom
    private var apis: [Fleet.API]
    private var workers: [ServiceProcess]
    private var started = 0
    private var leaving: [Duration] = []

    init(_ run: FaultRun, _ fleet: Fleet) async throws {
        self.run = run
        self.fleet = fleet
        random = run.random("restarts")
        otherEdition = try await FaultProxy.start(upstream: fleet.redis.configuration.endpoint, isOtherEdition: true)
        apis = [
            try await fleet.startAPI(), try await fleet.startAPI(Fleet.Launch(redisURL: otherEdition.url)),
        ]
        workers = []
        for number in 0..<3 {
            workers.append(
                try await fleet.startWorker(
                    Fleet.Launch(["--concurrency", "3"], redisURL: number == 1 ? otherEdition.url : nil)))
        }
        let client = RepeatingClient(run, apis.map(\.client))
        self.client = client
        var shape = Workload.Shape()
        shape.mib = [1, 2, 4]
        shape.rate = 2 << 20
        let work = Workload(run, fleet, shape) { try await client.begin($0) }
        self.work = work
        // Ended by `end`, or by the fleet's going.
        busy = Task { try await work.run() }
    }

    /// Replaces every process, the successor first, as a careful operator does.
    func turnOver() async throws {
        for index in workers.indices {
            try await flushScripts()
            let successor = try await fleet.startWorker(next(["--concurrency", "3"]))
            try await leave(workers[index])
            workers[index] = successor
        }
        for index in apis.indices {
            try await flushScripts()
            let successor = try await fleet.startAPI(next([]))
            client.replace(index, by: successor.client)
            try await leave(apis[index].process)
            apis[index] = successor
        }
        run.tell("\(run.faults(.drain)) processes were replaced")
    }

    /// Every second process runs the other edition, so that both are at work whoever has just left.
    private func next(_ arguments: [String]) -> Fleet.Launch {
        started += 1
        return Fleet.Launch(arguments, redisURL: started.isMultiple(of: 2) ? nil : otherEdition.url)
    }

    private func flushScripts() async throws {
        guard random.happens(50) else { return }
        _ = try await fleet.ask(RedisCommand("SCRIPT", "FLUSH"))
    }

    private func leave(_ process: ServiceProcess) async throws {
        let asked = ContinuousClock.now
        try await process.terminate()
        let time = ContinuousClock.now - asked
        leaving.append(time)
        run.count(.drain)
        if time > Self.patience { run.violated(.ends, "\(process.name) took \(time) to leave") }
        // One that leaves in order says so at its end.
        if !process.lines().contains(where: { $0.message.hasSuffix("has stopped") }) {
            run.violated(.carriedThrough, "\(process.name) did not leave in order:\n\(process.tail())")
        }
    }

    func end() async throws {
        work.stop()
        try await busy.value
        try await run.judge(fleet, work)
        var handedOver: [Duration] = []
        for history in try await TaskHistory.all(in: fleet) {
            let attempts = history.attempts
            let others = attempts.dropLast().filter { !$0.wasReleased }
            if history.spent != 1 || !others.isEmpty || attempts.last?.reason != "success" {
                run.violated(.economy, "task \(history.task) spent \(history.spent) attempts: \(attempts)")
            }
            for (given, taken) in zip(attempts, attempts.dropFirst()) {
                handedOver.append(.milliseconds(taken.startedAtMs - given.endedAtMs))
            }
        }
        if handedOver.contains(where: { $0 > Self.patience }) { run.violated(.ends, "a task waited for \(handedOver)") }
        report("from being given back to the next claim", handedOver)
        report("from SIGTERM to the exit", leaving)
        run.figure("requests that were made again", Double(client.failures), "requests")
        try await otherEdition.stop()
    }

    private func report(_ what: String, _ times: [Duration]) {
        guard let times = FaultReport.Recovery(times, bound: Self.patience) else { return }
        run.figure("\(what), median", times.median, "s")
        run.figure("\(what), p99", times.p99, "s")
        run.figure("\(what), longest", times.longest, "s")
        run.figure("\(what)", Double(times.count), "times")
    }
}
