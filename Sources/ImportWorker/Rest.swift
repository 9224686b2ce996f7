import Synchronization

/// A time in which a worker claims nothing.
final class Rest: Sendable {
    private let end = Mutex(ContinuousClock.now)

    func begin(for length: Duration) { end.withLock { $0 = max($0, .now + length) } }

    /// Waits until the rest is over.
    /// - Throws: `CancellationError`.
    func wait() async throws {
        while case let end = end.withLock({ $0 }), end > .now { try await Task.sleep(until: end, clock: .continuous) }
    }
}
