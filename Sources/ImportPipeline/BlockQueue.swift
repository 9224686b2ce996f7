import NIOCore
import Synchronization

/// A bounded queue of blocks between one producer and one consumer.
///
/// Waiting is ended by the other side or by `close`, not by the task's cancellation: whoever owns the queue closes it
/// then.
final class BlockQueue: Sendable {
    private let depth: Int
    private let state = Mutex(State())

    private struct State {
        var blocks: [ByteBuffer] = []
        var isFinished = false
        var isClosed = false
        /// Whether `close` was called by the consumer: the producer goes on without it.
        var isLeft = false
        var producer: CheckedContinuation<Void, any Error>?
        var consumer: CheckedContinuation<ByteBuffer?, any Error>?
    }

    init(depth: Int) { self.depth = depth }

    /// Returns when the queue has taken `block`; at once if the consumer has left.
    /// - Throws: `CancellationError` once closed.
    func push(_ block: ByteBuffer) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let wake: () -> Void = state.withLock { state in
                if state.isClosed { return { continuation.resume(throwing: CancellationError()) } }
                if state.isLeft { return { continuation.resume() } }
                if let consumer = state.consumer {
                    state.consumer = nil
                    return {
                        consumer.resume(returning: block)
                        continuation.resume()
                    }
                }
                state.blocks.append(block)
                if state.blocks.count <= depth { return { continuation.resume() } }
                state.producer = continuation
                return {}
            }
            wake()
        }
    }

    /// The next block; `nil` after the last.
    /// - Throws: `CancellationError` once closed.
    func pop() async throws -> ByteBuffer? {
        try await withCheckedThrowingContinuation { continuation in
            let wake: () -> Void = state.withLock { state in
                if state.isClosed { return { continuation.resume(throwing: CancellationError()) } }
                guard let block = state.blocks.first else {
                    if state.isFinished { return { continuation.resume(returning: nil) } }
                    state.consumer = continuation
                    return {}
                }
                state.blocks.removeFirst()
                let producer = state.producer.take()
                return {
                    continuation.resume(returning: block)
                    producer?.resume()
                }
            }
            wake()
        }
    }

    /// The producer has no more blocks.
    func finish() {
        let consumer = state.withLock { state in
            state.isFinished = true
            return state.consumer.take()
        }
        consumer?.resume(returning: nil)
    }

    /// The consumer wants no more blocks: the producer goes on without it.
    func leave() {
        let producer = state.withLock { state in
            state.isLeft = true
            state.blocks = []
            return state.producer.take()
        }
        producer?.resume()
    }

    /// Ends everybody's waiting with `CancellationError`, now and later.
    func close() {
        let (producer, consumer) = state.withLock { state in
            state.isClosed = true
            state.blocks = []
            return (state.producer.take(), state.consumer.take())
        }
        producer?.resume(throwing: CancellationError())
        consumer?.resume(throwing: CancellationError())
    }
}
