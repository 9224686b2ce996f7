import Dispatch
import Glibc
import UnixSignals

/// Ctrl-C, or a request to end, came before the command was through.
struct Interrupted: Error {}

/// Runs `body` so that an interruption cancels it and waits for its cleaning up; another one, a second
/// later, ends the process at once.
///
/// - Throws: `Interrupted`, or what `body` throws.
func untilInterrupted<Result: Sendable>(
    _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            for await _ in signals { return nil }
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let result = first else {
            group.cancelAll()
            // Not at once: some wrappers send a signal to the process and to its group, and that is one request to end.
            DispatchQueue.global().asyncAfter(deadline: .now() + 1) {
                signal(SIGINT, SIG_DFL)
                signal(SIGTERM, SIG_DFL)
            }
            // Errors of work that is being broken off are no news.
            while let _ = try? await group.next() {}
            throw Interrupted()
        }
        return result
    }
}
