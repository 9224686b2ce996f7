import ImageStorage
import ImportModel
import Synchronization

/// Whether stores can be used, for whoever asks now and then. A store that hangs is asked once, however often somebody
/// wants to know, and holds up nobody.
final class StoreHealth: Sendable {
    private struct Asked: Sendable {
        let since: ContinuousClock.Instant
        let answer: Task<String?, Never>
    }

    private let patience: Duration
    private let freshness: Duration
    private let asked = Mutex<[StoreID: Asked]>([:])
    private let healthySince = Mutex<[StoreID: ContinuousClock.Instant]>([:])

    /// - Parameters:
    ///   - patience: how long an answer is waited for.
    ///   - freshness: how long a good one is good for: each asking writes to the store, and anybody may ask.
    init(patience: Duration = .seconds(5), freshness: Duration = .seconds(30)) {
        self.patience = patience
        self.freshness = freshness
    }

    /// Why the store cannot be used; `nil`: it can.
    func problem(of storage: any ImageStorage) async -> String? {
        if let last = healthySince.withLock({ $0[storage.id] }), last + freshness > .now { return nil }
        let question = asked.withLock { asked -> Asked in
            if let open = asked[storage.id] { return open }
            // Not a child of anybody: a system call on a store that hangs ends when it likes.
            let new = Asked(since: .now, answer: Task { await self.ask(storage) })
            asked[storage.id] = new
            return new
        }
        let silence = "it has not answered for \(patience.components.seconds) s"
        guard question.since + patience > .now else { return silence }
        let (answers, tell) = AsyncStream.makeStream(of: String?.self)
        let waiter = Task { tell.yield(await question.answer.value) }
        let timer = Task {
            try await Task.sleep(until: question.since + patience)
            tell.yield(silence)
        }
        defer {
            waiter.cancel()
            timer.cancel()
        }
        for await answer in answers { return answer }
        return silence
    }

    private func ask(_ storage: any ImageStorage) async -> String? {
        defer { asked.withLock { asked in asked[storage.id] = nil } }
        do throws(StorageError) {
            let began = ContinuousClock.now
            try await storage.check()
            healthySince.withLock { healthy in healthy[storage.id] = began }
            return nil
        } catch {
            return "\(error)"
        }
    }
}
