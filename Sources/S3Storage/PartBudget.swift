import Synchronization

/// What the writers of one store may hold in memory together, beyond one part of the least size each.
///
/// Nobody waits for room that another holds: a writer that gets none sends its parts one after the other, and of the
/// least size, which is free.
final class PartBudget: Sendable {
    private let rest: Mutex<Int64>

    init(bytes: Int64) { rest = Mutex(bytes) }

    /// Room for `bytes`, or for what there is now; `nil` if that is less than `least`.
    func take(upTo bytes: Int64, atLeast least: Int64) -> Room? {
        rest.withLock { rest in
            let taken = min(bytes, rest)
            guard taken >= least else { return nil }
            rest -= taken
            return Room(budget: self, bytes: taken)
        }
    }

    /// Given back when it is dropped.
    final class Room: Sendable {
        let bytes: Int64
        private let budget: PartBudget

        fileprivate init(budget: PartBudget, bytes: Int64) {
            self.budget = budget
            self.bytes = bytes
        }

        deinit { budget.rest.withLock { $0 += bytes } }
    }
}
