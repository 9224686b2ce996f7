import ImportModel
import TestSupport

/// Workers that are hit once each, at a step of their work, and replaced; for some of them the service is away.
struct DoomedCopiers {
    struct Card {
        let step: Failpoint
        /// When the step is reached for the n-th time.
        let number: Int
        let isKill: Bool
        let patience: Duration
        let sleep: Duration
    }

    private struct Worker {
        let process: ServiceProcess
        let card: Card
        let takesServiceAway: Bool
        var since: ContinuousClock.Instant?
        var wake: ContinuousClock.Instant?
    }

    private static let slots = 4

    private var cards: [Card]
    private var random: SeededRandom
    private let storm: CopyStorm
    private var workers: [Worker] = []
    /// Those that were frozen, and work on until the end: they may believe that their leases are theirs.
    private var woken: [ServiceProcess] = []
    private var dealt = 0
    private var steps: Set<String> = []

    init(cards: [Card], random: SeededRandom, storm: CopyStorm) {
        self.cards = cards
        self.random = random
        self.storm = storm
    }

    /// Returns when all cards are played and all workers have gone.
    mutating func work() async throws {
        repeat {
            while workers.count < Self.slots, let worker = try next() { workers.append(worker) }
            for index in workers.indices.reversed() where try isPlayed(index) { workers.remove(at: index) }
            storm.site.proxy.isDown = workers.contains(where: \.takesServiceAway)
            // How often it looks.
            try await Task.sleep(for: .milliseconds(10))
        } while !workers.isEmpty || !cards.isEmpty
        storm.run.tell("steps at which workers were hit: \(steps.sorted())")
        for process in woken { process.drain() }
        for process in woken { try await process.terminate() }
    }

    private mutating func next() throws -> Worker? {
        guard let card = cards.popLast() else { return nil }
        var launch = storm.site.launch()
        launch.environment[FailpointPlan.variable] =
            "\(card.step.rawValue)=\(card.isKill ? "kill" : "stop")@\(card.number)"
        dealt += 1
        return Worker(
            process: try storm.site.fleet.beginWorker(launch), card: card, takesServiceAway: dealt.isMultiple(of: 7))
    }

    /// Looks at a worker, and hits it where it stands if it has not come to its step in time.
    private mutating func isPlayed(_ index: Int) throws -> Bool {
        let (process, card) = (workers[index].process, workers[index].card)
        if workers[index].since == nil, process.lines().contains(where: { $0.message.hasSuffix("is ready") }) {
            workers[index].since = .now
        }
        if let wake = workers[index].wake {
            guard .now >= wake else { return false }
            process.thaw()
            woken.append(process)
            // So many that one lives for a while, and not so many that they do all the work.
            if woken.count > 2 { woken.removeFirst().drain() }
            return true
        }
        if card.isKill, process.hasExited {
            process.kill()
            note(process, card, .kill)
            return true
        }
        if process.isStopped {
            note(process, card, .freeze)
            workers[index].wake = .now + card.sleep
            return false
        }
        if let since = workers[index].since, .now - since > card.patience {
            if card.isKill { process.kill() } else { process.freeze() }
        }
        return false
    }

    private mutating func note(_ process: ServiceProcess, _ card: Card, _ fault: Fault) {
        storm.run.count(fault)
        let step = process.lines().last { $0.message.hasPrefix("failpoint ") }?.message
        if let step { steps.insert(step) }
        storm.history.note("\(process.name) (pid \(process.pid)): \(fault) at \(step ?? "some moment")")
    }
}
