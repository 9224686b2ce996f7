import NIOCore
import Synchronization

/// One wait of one task, ended by whoever comes first: a value, a failure, its time-out or its cancellation.
final class Suspension<Value: Sendable>: Sendable {
    private enum State {
        case new
        case waiting(CheckedContinuation<Value, any Error>)
        case ended(Result<Value, any Error>)
    }

    private let state = Mutex(State.new)

    /// Returns false when the wait was over already: the value has not been used then.
    @discardableResult
    func end(with result: Result<Value, any Error>) -> Bool {
        let (isFirst, continuation) = state.withLock { state -> (Bool, CheckedContinuation<Value, any Error>?) in
            defer { if case .ended = state {} else { state = .ended(result) } }
            switch state {
            case .new: return (true, nil)
            case .waiting(let continuation): return (true, continuation)
            case .ended: return (false, nil)
            }
        }
        continuation?.resume(with: result)
        return isFirst
    }

    /// To be called once. Throws what `timeoutError` makes after the time-out, and `CancellationError`.
    func wait(
        until deadline: NIODeadline, on eventLoop: any EventLoop, timeoutError: @escaping @Sendable () -> RedisError
    ) async throws -> Value {
        let timer = eventLoop.scheduleTask(deadline: deadline) { _ = self.end(with: .failure(timeoutError())) }
        defer { timer.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let early = state.withLock { state -> Result<Value, any Error>? in
                    if case .ended(let result) = state { return result }
                    state = .waiting(continuation)
                    return nil
                }
                if let early { continuation.resume(with: early) }
            }
        } onCancel: {
            end(with: .failure(CancellationError()))
        }
    }
}
