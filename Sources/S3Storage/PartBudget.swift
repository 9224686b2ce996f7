import Synchronization

/// What the writers of one store may hold in memory together, beyond one part each.
///
/// The first part of a writer is free, so that every writer can always go on and none waits for another: a writer that
/// gets no room for a second part sends one after the other.
final class PartBudget: Sendable {
    private let rest: Mutex<Int64>

    init(bytes: Int64) { rest = Mutex(bytes) }

    /// `nil` if there is no such room now.
    func take(_ bytes: Int64) -> Room? {
        rest.withLock { rest in
            guard rest >= bytes else { return nil }
            rest -= bytes
            return Room(budget: self, bytes: bytes)
        }
    }

    /// Given back when it is dropped.
    final class Room: Sendable {
        private let budget: PartBudget?
        private let bytes: Int64

        fileprivate init(budget: PartBudget, bytes: Int64) {
            self.budget = budget
            self.bytes = bytes
        }

        private init() {
            budget = nil
            bytes = 0
        }

        /// The room of a writer's first part.
        static let free = Room()

        deinit { budget?.rest.withLock { $0 += bytes } }
    }
}
