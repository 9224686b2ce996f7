import Synchronization

/// How many downloads go on at once: each has blocks of its own in memory.
final class DownloadSlots: Sendable {
    private let free: Mutex<Int>

    init(_ count: Int) { free = Mutex(count) }

    /// `nil` while as many go on as may.
    func take() -> Slot? {
        free.withLock { free in
            guard free > 0 else { return nil }
            free -= 1
            return Slot(of: self)
        }
    }

    /// Given back when it is dropped: an answer may never be written.
    final class Slot: Sendable {
        private let slots: DownloadSlots

        fileprivate init(of slots: DownloadSlots) { self.slots = slots }

        deinit { slots.free.withLock { $0 += 1 } }
    }
}
