import FaultProxy
import Foundation
import ImportModel
import Synchronization
import TestSupport

/// The processes of a soak: places for workers and API processes, in which another one stands up for each that falls.
final class SoakFleet: Sendable {
    /// A process of a fleet, and until when it is meant to be frozen.
    private struct Place {
        var process: ServiceProcess
        var thawsAt: ContinuousClock.Instant?
    }

    private struct State {
        var workers: [Place] = []
        var apis: [Fleet.API] = []
        var random: SeededRandom
        var isEnding = false
        /// The workers of running tasks, and when these lost them.
        var holders: [TaskID: String] = [:]
        var lost: [TaskID: ContinuousClock.Instant] = [:]
        /// From the death of a worker to the next claim of what it ran.
        var recoveries: [Duration] = []
        var claims = 0
    }

    let fleet: Fleet
    let run: FaultRun
    let history: History
    private let proxies: Proxies
    /// Of the last two places for workers, and of the second API process; the others reach Redis themselves.
    private let wires: [FaultProxy]
    private let state: Mutex<State>

    init(_ run: FaultRun, _ fleet: Fleet, _ proxies: Proxies, _ history: History) async throws {
        self.run = run
        self.fleet = fleet
        self.proxies = proxies
        self.history = history
        var wires: [FaultProxy] = []
        for _ in 0..<3 { wires.append(try await proxies.start()) }
        self.wires = wires
        state = Mutex(State(random: run.random("failpoints")))
        let apis = [try await fleet.startAPI(), try await fleet.startAPI(through: wires[2])]
        state.withLock { $0.apis = apis }
        for place in 0..<Self.workers {
            let process = try await fleet.startWorker(launch(place))
            state.withLock { $0.workers.append(Place(process: process)) }
        }
        proxies.use(Self.rules)
    }

    static let workers = 5
    /// In milliseconds.
    static let lease = 1500

    /// What the wires do: little enough that most of the fleet's calls pass.
    private static let rules: [FaultRule] =
        [WireFault.cutBeforeRequest, .cutInRequest, .cutAfterRequest, .cutBeforeReply, .cutInReply].map {
            FaultRule($0, share: 0.01)
        } + [
            FaultRule(.delayRequest(upTo: .milliseconds(lease * 2)), share: 0.004),
            FaultRule(.delayReply(upTo: .milliseconds(lease * 2)), share: 0.004), FaultRule(.halfOpen, share: 0.001),
            FaultRule(.refuse(.noscript), share: 0.01), FaultRule(.refuse(.loading), share: 0.005),
            FaultRule(.refuse(.busy), share: 0.005),
        ]

    private func launch(_ place: Int, _ environment: [String: String] = [:]) -> Fleet.Launch {
        let wire = place - (Self.workers - 2)
        return Fleet.Launch(
            ["--concurrency", "2"], environment: environment, redisURL: wire >= 0 ? wires[wire].url : nil)
    }

    /// The API process in this place, as it is now.
    func api(_ place: Int) -> Fleet.API { state.withLock { $0.apis[place] } }

    /// Processes that are never killed: their names and ids.
    var lasting: [(name: String, pid: pid_t)] {
        state.withLock { [("api", $0.apis[0].process.pid), ("worker", $0.workers[0].process.pid)] }
    }

    // MARK: What the nemesis does

    func act(_ act: NemesisSchedule.Act) async throws {
        history.note("\(act)")
        switch act {
        case .killWorker(let place):
            let process = state.withLock { $0.workers[place].process }
            let isKilled = process.kill()
            if try replace(place, process), isKilled { run.count(.kill) }
        case .freezeWorker(let place, let milliseconds):
            let process = state.withLock { $0.workers[place].process }
            // One that has ended, or stands still already, is not frozen by it.
            guard !process.hasExited, !process.isStopped else { return }
            let isThere = state.withLock { state in
                guard state.workers[place].process === process else { return false }
                state.workers[place].thawsAt = .now + .milliseconds(milliseconds)
                return true
            }
            guard isThere else { return }
            process.freeze()
            run.count(.freeze)
        case .drainWorker(let place):
            let process = state.withLock { $0.workers[place].process }
            process.thaw()
            let isDrained = try await process.terminate()
            if try replace(place, process), isDrained { run.count(.drain) }
        case .killAPI:
            if api(1).process.kill() { run.count(.kill) }
            let fresh = try await startedAPI()
            state.withLock { $0.apis[1] = fresh }
        case .freezeAPI(let place, let milliseconds):
            let process = api(place).process
            guard !process.hasExited, !process.isStopped else { return }
            process.freeze()
            run.count(.freeze)
            try await Task.sleep(for: .milliseconds(milliseconds))
            process.thaw()
        case .killRedis:
            fleet.redis.kill()
            run.count(.redisKill)
            try await fleet.redis.restart()
        case .freezeRedis(let milliseconds):
            fleet.redis.suspend()
            run.count(.freeze)
            try await Task.sleep(for: .milliseconds(milliseconds))
            fleet.redis.resume()
        }
    }

    /// A fault at its start ends a process; whoever keeps it running starts it again. Whether it was right to end is
    /// judged with the fleet's end.
    private func startedAPI() async throws -> Fleet.API {
        for attempt in 0... {
            let process = try fleet.beginAPI(Fleet.Launch(redisURL: wires[2].url))
            do {
                return Fleet.API(process: process, client: FleetClient(endpoint: try await process.address()))
            } catch {
                try Task.checkCancellation()
                guard process.hasExited, attempt < 20 else { throw error }
            }
        }
        throw CancellationError()
    }

    /// Puts another worker into a place, if this one is still in it. Half of them will fall by themselves, at a step of
    /// their work. Returns whether it was still in it.
    private func replace(_ place: Int, _ fallen: ServiceProcess) throws -> Bool {
        let fell = ContinuousClock.now
        let name = fallen.lines().first { $0.message.contains(" is ready") }?.metadata?["process"]
        return try state.withLock { state in
            for (task, holder) in state.holders where holder == name { state.lost[task] = fell }
            guard state.workers[place].process === fallen, !state.isEnding else { return false }
            let environment = Self.failpoints(&state.random)
            state.workers[place] = Place(process: try fleet.beginWorker(launch(place, environment)))
            return true
        }
    }

    private static let steps = Failpoint.allCases.filter {
        ![.createSent, .createAnswered, .uploadSent, .uploadAnswered, .registerSent, .registerAnswered].contains($0)
    }

    private static func failpoints(_ random: inout SeededRandom) -> [String: String] {
        guard random.happens(50) else { return [:] }
        let rules = (0..<2).map { _ in
            "\(random.pick(steps).rawValue)=\(random.pick(["kill", "kill", "stop"]))"
                + "@\(Int.random(in: 1...6, using: &random))"
        }
        return [FailpointPlan.variable: rules.joined(separator: ",")]
    }

    // MARK: What is seen to meanwhile

    /// Thaws who has been frozen for long enough, whoever froze it, and replaces who has fallen, until `end`.
    func tend() async throws {
        while !state.withLock({ $0.isEnding }) {
            let places = state.withLock { $0.workers }
            for (place, worker) in places.enumerated() {
                if worker.process.hasExited {
                    history.note("worker \(place) has ended: \(worker.process.tail(1))")
                    worker.process.kill()
                    // The fleet's end throws for it, too; by then hours may have passed.
                    if let wrong = worker.process.wrongEnd { run.tell(wrong) }
                    // A worker that found no Redis at its start ends, too, and that is no kill.
                    let isKilled = worker.process.lines().contains { $0.message.contains("failpoint") }
                    if try replace(place, worker.process), isKilled { run.count(.kill) }
                } else if let time = worker.thawsAt {
                    guard .now >= time else { continue }
                    worker.process.thaw()
                    state.withLock { if $0.workers[place].thawsAt == time { $0.workers[place].thawsAt = nil } }
                } else if ProcessFigures.isStopped(worker.process.pid) {
                    history.note("worker \(place) has stopped at a failpoint")
                    run.count(.freeze)
                    state.withLock { state in
                        let time = Int.random(in: 100...3000, using: &state.random)
                        state.workers[place].thawsAt = .now + .milliseconds(time)
                    }
                }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// No more faults of any kind: every worker is a fresh one, or thawed.
    func end() async throws {
        proxies.use([])
        try await proxies.heal()
        let places = state.withLock { state in
            state.isEnding = true
            return state.workers.map(\.process)
        }
        places[0].thaw()
        for place in 1..<places.count {
            places[place].kill()
            let fresh = try await fleet.startWorker(launch(place))
            state.withLock { $0.workers[place] = Place(process: fresh) }
        }
        for place in 0...1 { api(place).process.thaw() }
        fleet.redis.resume()
    }

    /// Attempts that were begun. Each is remembered for an hour after its end.
    var claims: Int { state.withLock { $0.claims } }

    func conclude() {
        run.count(.proxy, proxies.tally.total)
        let times = state.withLock { $0.recoveries }.map { $0 / .seconds(1) }.sorted()
        guard let longest = times.last else { return }
        // Without a bound: those who recover, and Redis, are hit as well.
        run.figure("running again after a kill, median", times[times.count / 2], "s")
        run.figure("running again after a kill, p99", FaultReport.Recovery.p99(of: times), "s")
        run.figure("running again after a kill, longest of \(times.count)", longest, "s")
    }

    /// Hears of each event, to know who runs what.
    func observe(_ event: FleetEvent) {
        // A fault is none of the steps of a task.
        guard let task = event.taskId, event.type != "fault" else { return }
        state.withLock { state in
            state.holders[task] = event.type == "claimed" ? event.detail : nil
            if event.type == "claimed" { state.claims += 1 }
            // Whatever happens to it next: another claim, or its end.
            guard let lost = state.lost.removeValue(forKey: task) else { return }
            switch event.type {
            case "recovered", "retrying": state.lost[task] = lost
            case "claimed": state.recoveries.append(ContinuousClock.now - lost)
            default: break
            }
        }
    }
}
