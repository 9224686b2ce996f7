import ImageStorage

/// Something that is done now and then for each of several stores, at a pace of their own: one that hangs holds up
/// neither the others nor the end of the process.
struct StoreRounds: Sendable {
    let storages: [any ImageStorage]
    let interval: Duration
    /// How long a turn that is under way may take to end once it has been cancelled.
    var grace: Duration = .seconds(5)

    /// Runs until it is cancelled. The first turns come after an interval.
    func run(_ turn: @escaping @Sendable (any ImageStorage) async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for storage in storages { group.addTask { await run(turn, for: storage) } }
        }
    }

    private func run(
        _ turn: @escaping @Sendable (any ImageStorage) async -> Void, for storage: any ImageStorage
    ) async {
        let ended = OneShot<Void>()
        // Not a child: a system call on a store that hangs cannot be cancelled.
        let turns = Task {
            // The sleep ends with an error once this is cancelled, and only then.
            while (try? await Task.sleep(for: interval * Double.random(in: 0.9...1.1))) != nil { await turn(storage) }
            ended.fulfil()
        }
        // Ends with the cancellation, since the turns do not end before.
        try? await ended.wait()
        turns.cancel()
        let timer = Task {
            try await Task.sleep(for: grace)
            ended.fulfil()
        }
        // In a task of its own, since this one has been cancelled.
        await Task { try? await ended.wait() }.value
        timer.cancel()
    }
}
