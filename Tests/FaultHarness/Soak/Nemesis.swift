/// Carries out a schedule of faults beside clients that go on with their work.
struct Nemesis: Sendable {
    private static let clients = 6

    private let soak: SoakFleet
    private let schedule: NemesisSchedule

    init(_ soak: SoakFleet, _ schedule: NemesisSchedule) {
        self.soak = soak
        self.schedule = schedule
    }

    /// Returns when the schedule is through, and every client has come to the end of what it was doing.
    func rage(beside lives: SoakLives, _ watch: SoakWatch, _ trace: EventTrace) async throws {
        let started = ContinuousClock.now
        let end = started + .milliseconds(schedule.entries.last?.milliseconds ?? 0)
        let beside = Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await watch.watch() }
                group.addTask { await lives.judgeOnTheWay(trace) }
            }
        }
        defer { beside.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<Self.clients { group.addTask { try await lives.lead(client, until: end) } }
            group.addTask { try await soak.tend() }
            group.addTask {
                try await carryOut(from: started)
                try await soak.end()
            }
            // The first error ends the rest.
            for try await _ in group {}
        }
        beside.cancel()
        await beside.value
    }

    private func carryOut(from started: ContinuousClock.Instant) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, entry) in schedule.entries.enumerated() {
                try await Task.sleep(until: started + .milliseconds(entry.milliseconds), clock: .continuous)
                // What serves all is hit by one thing at a time; workers by any number.
                switch entry.act {
                case .killWorker, .freezeWorker, .drainWorker: group.addTask { try await soak.act(entry.act) }
                default: try await soak.act(entry.act)
                }
                if number.isMultiple(of: 500) { soak.run.tell("\(number) of \(schedule.entries.count) acts") }
            }
            for try await _ in group {}
        }
    }
}
