import ImageStorage
import ImportModel
import NIOPosix

/// The threads on which a store's system calls run.
struct StoreThreads: Sendable {
    let store: StoreID
    let pool: NIOThreadPool

    /// Runs `work` on one of the threads, in a cancelled task too: half a system call helps nobody, and giving up must
    /// be able to close what it holds.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let result: Result<Value, StorageError> = await withCheckedContinuation { continuation in
            pool.submit { state in
                switch state {
                case .active: continuation.resume(returning: Result { () throws(StorageError) in try work() })
                case .cancelled:
                    continuation.resume(
                        returning: .failure(.unavailable(store, reason: "its threads have been stopped")))
                }
            }
        }
        return try result.get()
    }

    /// Runs `work` some time later, on whatever thread is left once the pool has been stopped.
    func later(_ work: @escaping @Sendable () -> Void) {
        pool.submit { _ in work() }
    }
}
