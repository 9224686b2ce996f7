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
    }

    let fleet: Fleet
    let run: FaultRun
    let history: History
    private let state: Mutex<State>

    init(_ run: FaultRun, _ fleet: Fleet, _ history: History, workers: Int) async throws {
        self.run = run
        self.fleet = fleet
        self.history = history
        state = Mutex(State(random: run.random("failpoints")))
        for _ in 0..<2 {
            let api = try await fleet.startAPI()
            state.withLock { $0.apis.append(api) }
        }
        for process in try await fleet.startWorkers(workers, Self.arguments) {
            state.withLock { $0.workers.append(Place(process: process)) }
        }
    }

    private static let arguments = ["--concurrency", "2"]

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
            process.kill()
            if try replace(place, process) { run.count(.kill) }
        case .freezeWorker(let place, let milliseconds):
            let process = state.withLock { state in
                state.workers[place].thawsAt = .now + .milliseconds(milliseconds)
                return state.workers[place].process
            }
            process.freeze()
            run.count(.freeze)
        case .drainWorker(let place):
            let process = state.withLock { $0.workers[place].process }
            process.thaw()
            try await process.terminate()
            if try replace(place, process) { run.count(.drain) }
        case .killAPI:
            api(1).process.kill()
            run.count(.kill)
            let fresh = try await fleet.startAPI()
            state.withLock { $0.apis[1] = fresh }
        case .freezeAPI(let place, let milliseconds):
            let process = api(place).process
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

    /// Puts another worker into a place, if this one is still in it. Half of them will fall by themselves, at a step of
    /// their work. Returns whether it was still in it.
    private func replace(_ place: Int, _ fallen: ServiceProcess) throws -> Bool {
        let fell = ContinuousClock.now
        let name = fallen.lines().first { $0.message.contains(" is ready") }?.metadata?["process"]
        return try state.withLock { state in
            for (task, holder) in state.holders where holder == name { state.lost[task] = fell }
            guard state.workers[place].process === fallen, !state.isEnding else { return false }
            let environment = Self.failpoints(&state.random)
            state.workers[place] = Place(
                process: try fleet.beginWorker(Fleet.Launch(Self.arguments, environment: environment)))
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

    /// Thaws who has been frozen for long enough, whoever froze it, and replaces who has fallen. Never returns by itself.
    func tend() async throws {
        while !state.withLock({ $0.isEnding }) {
            let places = state.withLock { $0.workers }
            for (place, worker) in places.enumerated() {
                if worker.process.hasExited {
                    history.note("worker \(place) fell by itself")
                    worker.process.kill()
                    if try replace(place, worker.process) { run.count(.kill) }
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

    /// No more failpoints and no more freezing: every worker is a fresh one, or thawed.
    func end() async throws {
        let places = state.withLock { state in
            state.isEnding = true
            return state.workers.map(\.process)
        }
        places[0].thaw()
        for place in 1..<places.count {
            places[place].kill()
            let fresh = try await fleet.startWorker(Self.arguments)
            state.withLock { $0.workers[place] = Place(process: fresh) }
        }
        for place in 0...1 { api(place).process.thaw() }
        fleet.redis.resume()
    }

    /// Hears of each event, to know who runs what.
    func observe(_ event: FleetEvent) {
        let lost = state.withLock { state in
            state.holders[event.taskId] = event.type == "claimed" ? event.detail : nil
            // Whatever happens to it next: another claim, or its end.
            let lost = state.lost.removeValue(forKey: event.taskId)
            if event.type == "recovered" || event.type == "retrying" { state.lost[event.taskId] = lost }
            return event.type == "claimed" ? lost : nil
        }
        guard let lost else { return }
        run.recovered(after: ContinuousClock.now - lost, bound: .milliseconds(1500 + 2 * 300 + 1000))
    }
}
