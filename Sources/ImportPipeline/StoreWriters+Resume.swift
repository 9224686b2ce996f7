import ImageStorage
import ImportModel
import Synchronization

extension StoreWriters {
    /// Opens all stores behind what a checkpoint says is there.
    ///
    /// - Parameter progress: told now and then, where it takes its time.
    /// - Throws: `CannotContinue` if that is not there, or not as it was; `PipelineError` where a store is not to be had,
    ///   which has lost nothing.
    func resume(
        from checkpoint: StreamCheckpoint, _ algorithms: Set<DigestAlgorithm>, expectedBytes: Int64?,
        progress: () -> Void
    ) async throws {
        let unfinished = checkpoint.stores
        for target in targets {
            try await gate.pass()
            guard let object = unfinished[target.id], ObjectKey(object.key)?.image == key.image,
                let writer = try await resume(target, object, at: checkpoint.offset, expectedBytes)
            else {
                throw CannotContinue(description: "store '\(target.id)' does not have any more what was begun")
            }
            state.withLock { $0.writers[target.id] = writer }
        }
        // Only now is anything written: whoever cannot continue begins anew under this very key.
        stores: for (store, writer) in state.withLock(\.writers) {
            let check = BeginningCheck(algorithms)
            var isBehind = true
            while isBehind {
                try Task.checkCancellation()
                try await gate.pass()
                progress()
                let hasMore: Bool?
                do {
                    hasMore = try await call(store, "copying what was begun", within: patience.call) {
                        () throws(StorageError) in
                        try await writer.catchUp { check.take($0) }
                    } cleaning: { _ in
                        await writer.abandon()
                    }
                } catch let error as PipelineError {
                    throw CannotContinue(description: error.description, isBegun: true)
                }
                if hasMore == nil { continue stores }
                isBehind = hasMore ?? false
            }
            guard check.agrees(with: checkpoint) else {
                throw CannotContinue(
                    description: "store '\(store)' does not have what was begun as it was written", isBegun: true)
            }
            Failpoint.reach(.objectOpened)
        }
    }

    private func resume(
        _ target: any ObjectTarget, _ object: UnfinishedObject, at offset: Int64, _ expectedBytes: Int64?
    ) async throws -> (any ObjectWriter)? {
        let ending = await patience.wait(for: target.id, "opening an object", within: patience.call) {
            [key] () throws(StorageError) in
            try await target.resume(key, object, at: offset, expectedBytes: expectedBytes)
        } cleaning: { writer in
            await (writer ?? nil)?.abandon()
        }
        switch ending {
        case .ended(.success(let writer)): return writer
        case .leftBehind(let error): throw PipelineError.storage(target.id, error)
        case .ended(.failure(let error)):
            switch error {
            case .unavailable, .misconfigured:
                guard await answers(target) else { throw PipelineError.storage(target.id, error) }
            default: break
            }
            // The store is there: what is begun takes its room, or is what is broken, and is let go of.
            throw CannotContinue(description: error.description)
        }
    }

    /// Whether a store says of an object that it does not have that it does not have it.
    private func answers(_ target: any ObjectTarget) async -> Bool {
        guard let storage = target as? any ImageStorage else { return true }
        let ending = await patience.wait(for: target.id, "looking for an object", within: patience.call) {
            [key] () throws(StorageError) in
            try await storage.size(key)
        } cleaning: { _ in
        }
        guard case .ended(.success) = ending else { return false }
        return true
    }
}
