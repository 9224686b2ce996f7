import Synchronization

/// A reason to look, which is taken once however often it was given meanwhile.
final class Nudge: Sendable {
    private let pending = Mutex(OneShot<Void>())

    func give() { pending.withLock { $0 }.fulfil() }

    /// Waits for the next one.
    /// - Throws: `CancellationError`.
    func take() async throws {
        try await pending.withLock { $0 }.wait()
        pending.withLock { $0 = OneShot() }
    }
}
