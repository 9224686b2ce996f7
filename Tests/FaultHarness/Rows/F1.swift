import Foundation
import ImportModel
import RedisClient

extension FaultRow {
    /// 30 kills for each scale.
    package static let f1 = FaultRow(
        "F1", "workers killed at every step of their work, and at random moments",
        passes: "every image active with its own bytes; recovered within a lease, two beats and a sweep (p99); "
            + "an attempt is lost only with its worker; imports go on from where they were",
        least: [.kill: 30]
    ) { run in
        let doomed = DoomedWorkers(run)
        // In rounds, so that the disk holds the images of one only, and so that each ends at rest.
        for first in stride(from: 0, to: 30 * run.scale, by: 150) {
            let kills = min(150, 30 * run.scale - first)
            try await Fleet.run(run.plan(DoomedWorkers.settings)) { fleet in
                let api = try await fleet.startAPI()
                var shape = Workload.Shape()
                shape.broken = 15
                shape.versioned = 80
                shape.mib = [1, 4, 8, 8, 12, 16]
                let work = Workload(run, fleet, shape) { try await api.client.beginImport($0) }
                // They see to it that there is an end.
                let lasting = try await fleet.startWorkers(2, ["--concurrency", "2"])
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await work.run() }
                    try await doomed.die(kills, in: fleet)
                    work.stop()
                    try await group.waitForAll()
                }
                try await run.judge(fleet, work)
                try await doomed.judge(fleet, lasting)
                run.tell("\(first + kills) of \(30 * run.scale) workers have died")
            }
        }
        doomed.report()
    }
}

/// Workers that die, each by a card that it was dealt, and are replaced at once.
private final class DoomedWorkers {
    /// Many attempts are allowed: how often one image is hit is not what is looked at.
    static let settings =
        Fleet.quick + [
            "lease.duration=2500ms", "lease.margin=600ms", "lease.max-attempts=1000", "import.checkpoint-size=1MiB",
        ]

    private enum Card {
        /// At this step, when it is reached for the n-th time.
        case step(Failpoint, Int)
        /// At this step of a drain.
        case draining(Failpoint)
        case anyMoment
    }

    private struct Doomed {
        let process: ServiceProcess
        let card: Card
        /// Whether its neighbours can see it die.
        let isSeen: Bool
        /// When it became ready.
        var since: ContinuousClock.Instant?
        /// How long it may live, or until it is told to drain.
        var patience: Duration
        var isDraining = false
    }

    private struct Death {
        let at: Int64
        let isSeen: Bool
    }

    private let run: FaultRun
    private var random: SeededRandom
    private var deck: [Card] = []
    private var slots: [Doomed] = []
    private var deaths: [String: Death] = [:]
    private var steps: [Failpoint: Int] = [:]
    private var lost = 0
    private var ended: [ServiceProcess] = []
    private var continued = 0
    private var begunAnew = 0
    /// The most that the fleet has known of at once; of the dead it learns late where nobody sees them.
    private var processes = 1
    private var seen: [Duration] = []

    init(_ run: FaultRun) {
        self.run = run
        random = run.random("deaths")
    }

    /// The lease, two beats, and the sweep of a recoverer, which is the longer the more processes there are.
    private var bound: Duration {
        .milliseconds(2500) + .milliseconds(300) * 2 + max(.seconds(1), .milliseconds(200) * processes)
    }

    /// Lets workers die until there are so many dead.
    func die(_ kills: Int, in fleet: Fleet) async throws {
        let goal = run.faults(.kill) + kills
        slots = try (0..<5).map { _ in try launch(in: fleet) }
        while run.faults(.kill) < goal {
            for index in slots.indices where run.faults(.kill) < goal { try await tend(index, fleet) }
            // How often it looks: at logs, ages and deaths of many processes, which give no one signal.
            try await Task.sleep(for: .milliseconds(10))
        }
        for slot in slots { try end(slot) }
    }

    private func tend(_ index: Int, _ fleet: Fleet) async throws {
        if slots[index].since == nil, slots[index].process.lines().contains(where: { $0.message.hasSuffix("is ready") })
        {
            slots[index].since = .now
        }
        let slot = slots[index]
        let isOld = slot.since.map { ContinuousClock.now - $0 > slot.patience } ?? false
        if case .draining = slot.card, isOld, !slot.isDraining {
            slots[index].isDraining = true
            slots[index].patience = slot.patience + .seconds(5)
            return slot.process.drain()
        }
        guard isOld || slot.process.hasExited else { return }
        try end(slot)
        slots[index] = try launch(in: fleet)
        processes = max(processes, Int(try await fleet.ask(RedisCommand("ZCARD", "{longshore}:processes")).int ?? 0))
    }

    private func launch(in fleet: Fleet) throws -> Doomed {
        if deck.isEmpty { deck = shuffledDeck() }
        let card = deck.removeLast()
        var launch = Fleet.Launch(["--concurrency", "2"])
        var patience: Duration = .seconds(2)
        var isSeen = !random.happens(35)
        switch card {
        case .step(let point, let number):
            launch.environment[FailpointPlan.variable] = "\(point.rawValue)=kill@\(number)"
            if Self.rare.contains(point) { patience = .seconds(5) }
        case .draining(let point):
            launch.environment[FailpointPlan.variable] = "\(point.rawValue)=kill"
            patience = .milliseconds(Int.random(in: 500...1500, using: &random))
            // The signal would not reach it there.
            isSeen = true
        case .anyMoment:
            patience = .milliseconds(Int.random(in: 0...2500, using: &random))
        }
        if !isSeen { launch.launcher = Self.unseen }
        return Doomed(process: try fleet.beginWorker(launch), card: card, isSeen: isSeen, patience: patience)
    }

    /// In a pid namespace of its own. The shell is its first process, which would not mind its own SIGKILL.
    private static let unseen =
        ["unshare"] + (geteuid() == 0 ? [] : ["--map-root-user"])
        + ["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", #""$@"; exit $?"#, "sh"]

    /// Steps that come when somebody else has died, or in turn.
    private static let rare: Set<Failpoint> = [
        .failSent, .failAnswered, .suspectAnswered, .recoverSent, .recoverAnswered, .sweepTaken, .sweepDeleted,
        .sweepReported,
    ]

    private static let often: [Failpoint] = [
        .claimSent, .claimAnswered, .sourceBegun, .objectOpened, .commitBegun, .objectWritten, .objectNamed,
        .commitDone, .publishSent, .publishAnswered,
    ]
    private static let repeated: [Failpoint] = [
        .blockWritten, .beatSent, .beatAnswered, .checkpointSent, .checkpointAnswered,
    ]
    private static let first: [Failpoint] = [.registerSent, .registerAnswered]
    private static let last: [Failpoint] = [.releaseSent, .releaseAnswered]
    /// All that a worker comes by which loses no lease.
    private static let steps = rare.union(often + repeated + first + last)

    private func shuffledDeck() -> [Card] {
        var cards = Self.often.map { Card.step($0, Int.random(in: 1...3, using: &random)) }
        cards += Self.repeated.map { .step($0, Int.random(in: 1...10, using: &random)) }
        cards += Self.rare.sorted { $0.rawValue < $1.rawValue }.map { .step($0, 1) }
        cards += Self.first.map { .step($0, 1) } + Self.last.map { .draining($0) }
        cards += Array(repeating: .anyMoment, count: 5)
        return cards.shuffled(using: &random)
    }

    /// Ends a worker, if it has not ended already, and notes its death.
    private func end(_ slot: Doomed) throws {
        ended.append(slot.process)
        let hadEnded = slot.process.hasExited
        let killedAt = Date()
        slot.process.kill()
        let lines = slot.process.lines()
        let step = lines.last { $0.message.hasPrefix("failpoint ") }?.message
        if hadEnded, step == nil {
            guard slot.isDraining else {
                return run.violated(
                    .carriedThrough, "\(slot.process.name) ended by itself:\n\(slot.process.tail())")
            }
            return run.count(.drain)
        }
        run.count(.kill)
        // `failpoint claim.sent: kill`
        let point = step.flatMap { Failpoint(rawValue: String($0.dropFirst("failpoint ".count).prefix { $0 != ":" })) }
        if let point { steps[point, default: 0] += 1 }
        // Its last words were about the step at which it died.
        let at = step == nil ? killedAt : slot.process.lastWords ?? killedAt
        guard let id = lines.first(where: { $0.message.hasSuffix("is ready") })?.metadata?["process"] else { return }
        deaths[id] = Death(at: at.milliseconds, isSeen: slot.isSeen)
    }

    /// Holds every attempt that was lost against the deaths.
    func judge(_ fleet: Fleet, _ lasting: [ServiceProcess]) async throws {
        judge(Continuations(of: ended + lasting))
        for history in try await TaskHistory.all(in: fleet) {
            let attempts = history.attempts
            for (index, attempt) in attempts.enumerated() where attempt.wasRecovered {
                // Two clocks that read the same second may differ by their last digits.
                guard let death = deaths[attempt.worker], death.at <= attempt.endedAtMs + 20 else {
                    run.violated(.economy, "task \(history.task) lost an attempt of the living: \(attempt)")
                    continue
                }
                lost += 1
                guard index + 1 < attempts.count else { continue }
                let time = Duration.milliseconds(attempts[index + 1].startedAtMs - death.at)
                if death.isSeen { seen.append(time) } else { run.recovered(after: time, bound: bound) }
            }
            let others = attempts.dropLast().filter { !$0.wasRecovered && !$0.wasReleased }
            // A source breaks off once, and that is the only failure that there is.
            if others.count > 1 { run.violated(.economy, "task \(history.task) failed more than once: \(others)") }
            if history.claims <= 32, history.spent + attempts.count(where: \.wasReleased) != history.claims {
                run.violated(.economy, "task \(history.task) spent \(history.spent) of \(history.claims) attempts")
            }
        }
        deaths = [:]
        ended = []
    }

    /// Nothing but what a worker had committed when it died stands in the way of going on.
    private func judge(_ continuations: Continuations) {
        continued += continuations.count
        for (task, reasons) in continuations.anew {
            begunAnew += reasons.count
            for reason in reasons where !reason.contains("does not have any more what was begun") {
                run.violated(.economy, "task \(task) was begun anew: \(reason)")
            }
        }
    }

    func report() {
        // Each step was dealt once in thirty cards. With a few decks a rare one may not have come up in time.
        let missing = Self.steps.subtracting(steps.keys)
        if run.scale >= 4, !missing.isEmpty {
            let names = missing.map(\.rawValue).sorted()
            run.violated(.carriedThrough, "nobody died at the steps \(names), of \(Self.steps.count)")
        }
        if lost == 0 { run.violated(.carriedThrough, "no attempt was lost with its worker") }
        if continued < run.scale {
            run.violated(.carriedThrough, "only \(continued) imports were continued")
        }
        run.figure("attempts lost with their workers", Double(lost), "attempts")
        run.figure("attempts that went on where another was", Double(continued), "attempts")
        run.figure("imports begun anew, since they were committed already", Double(begunAnew), "imports")
        run.figure("steps at which workers died", Double(steps.count), "steps")
        if let times = FaultReport.Recovery(seen, bound: .seconds(3)) {
            if times.count >= 100, times.p99 > times.bound {
                run.violated(.recovery, "of \(times.count) deaths that were seen, one in a hundred took \(times.p99) s")
            }
            run.figure("next claim where a neighbour saw the death, median", times.median, "s")
            run.figure("next claim where a neighbour saw the death, p99", times.p99, "s")
        }
    }
}
