import Synchronization

/// How many downloads go on at once: each has blocks of its own in memory. One project has three quarters of them at
/// most, so that its slow clients leave something to others.
final class DownloadSlots: Sendable {
    private struct State {
        var taken = 0
        var byProject: [String: Int] = [:]
    }

    private let limit: Int
    private let state = Mutex(State())

    init(_ limit: Int) { self.limit = limit }

    /// `nil` while as many go on as may.
    func take(for project: String) -> Slot? {
        state.withLock { state in
            let own = state.byProject[project] ?? 0
            guard state.taken < limit, own < max(1, limit * 3 / 4) else { return nil }
            state.taken += 1
            state.byProject[project] = own + 1
            return Slot(of: self, for: project)
        }
    }

    /// Given back when it is dropped: an answer may never be written.
    final class Slot: Sendable {
        private let slots: DownloadSlots
        private let project: String

        fileprivate init(of slots: DownloadSlots, for project: String) {
            self.slots = slots
            self.project = project
        }

        deinit {
            slots.state.withLock { state in
                state.taken -= 1
                let left = (state.byProject[project] ?? 1) - 1
                state.byProject[project] = left > 0 ? left : nil
            }
        }
    }
}
