import ImportModel
import RedisClient
import TestSupport

@testable import LeaseStore

/// What must hold over all keys at any moment, looked at in one step, from the outside: nothing of the store's own
/// scripts takes part in it.
struct Invariants {
    /// Of one task, what only ever grows or stays.
    struct Progress: Equatable {
        var state: TaskState
        var result: String
        var attempt: Int64
        var beatSeq: Int64
    }

    struct Report {
        var violations: [String]
        var tasks: [String: Progress]
    }

    private let store: LeaseStore

    init(_ store: LeaseStore) { self.store = store }

    func check() async throws -> Report {
        let reply = try await store.redis.run(KeyInvariants.script, keys: [store.keys.anchor], arguments: [])
        let parts = reply.array ?? []
        var tasks: [String: Progress] = [:]
        let values = (parts.last?.array ?? []).map { $0.string ?? "" }
        for start in stride(from: 0, to: values.count, by: 5) {
            guard let state = TaskState(rawValue: values[start + 1]) else { continue }
            tasks[values[start]] = Progress(
                state: state, result: values[start + 2], attempt: Int64(values[start + 3]) ?? 0,
                beatSeq: Int64(values[start + 4]) ?? 0)
        }
        return Report(violations: (parts.first?.array ?? []).compactMap(\.string), tasks: tasks)
    }

    /// What of `now` contradicts `before`: L5 and L6.
    static func regressions(from before: [String: Progress], to now: [String: Progress]) -> [String] {
        before.compactMap { id, old in
            guard let new = now[id] else { return old.state.isTerminal ? nil : "live task \(id) has vanished" }
            if old.state.isTerminal, old != new { return "L6 finished task \(id) changed: \(old) → \(new)" }
            if new.attempt < old.attempt || new.beatSeq < old.beatSeq { return "L5 \(id): \(old) → \(new)" }
            return nil
        }
    }
}
