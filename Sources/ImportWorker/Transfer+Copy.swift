import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import Logging

/// `copy-image`: from the stores that have an active image into those that lack it. Whatever becomes of it, the image
/// stays as it is.
extension Transfer {
    /// Fills the stores that no earlier attempt has filled, and locates each object as soon as it is there.
    func copy() async throws -> ImportedContent {
        guard let sizeBytes = claim.image.sizeBytes, let digests = claim.image.digests else {
            throw Fault.rejected("the image's size and digests are not known, so no copy could be compared with them")
        }
        keeper.note(bytesTotal: sizeBytes)
        // What is located is in the task already, so a publish has nothing to tell.
        let content = ImportedContent(sizeBytes: sizeBytes, digests: digests, locations: [:])
        let targets = try storages(request.stores.filter { !claim.task.located.contains($0) })
        guard !targets.isEmpty else { return content }
        let source = stored(try places(), sizeBytes)
        let others = try await copyInside(targets, from: source, digests)
        guard !others.isEmpty else { return content }
        // Where one store is enough, those that have it make up for the others.
        try await stream(source, into: others, isSecured: others.count < request.stores.count, digests)
        return content
    }

    /// Where this worker can read the image: the preferred store first. Another attempt begins with another store,
    /// since what is wrong with one may show only at the end.
    private func places() throws -> [StoredImage.Place] {
        let stores = runner.limits.order.sorted(claim.image.locations.keys.filter { runner.storages[$0] != nil })
        let places = stores.compactMap { store -> StoredImage.Place? in
            guard let storage = runner.storages[store], let key = claim.image.locations[store].flatMap(ObjectKey.init)
            else { return nil }
            return StoredImage.Place(storage: storage, key: key)
        }
        guard !places.isEmpty else {
            let all = claim.image.locations.keys.sorted().map(\.rawValue).joined(separator: ", ")
            throw Fault.worker("this worker has no store that has the image (\(all)); start one that has, or add it")
        }
        let first = max(0, claim.task.attempt - 1) % places.count
        return Array(places[first...] + places[..<first])
    }

    private func stored(_ places: [StoredImage.Place], _ sizeBytes: Int64) -> StoredImage {
        StoredImage(places: places, sizeBytes: sizeBytes, stall: runner.limits.stall) {
            [logger = keeper.logger] error in
            logger.warning("a store cannot give an image", metadata: ["reason": "\(error)"])
        }
    }

    /// Has stores make their copies by themselves, all at once, where they are in one service with one that has the image;
    /// returns the others. Where that fails the bytes take the long way.
    private func copyInside(
        _ targets: [any ImageStorage], from source: StoredImage, _ digests: ContentDigests
    ) async throws -> [any ImageStorage] {
        let done = try await withThrowingTaskGroup(of: StoreID?.self) { group in
            for target in targets {
                group.addTask {
                    guard try await isCopiedInside(target, from: source, digests) else { return nil }
                    keeper.note(bytesDone: source.sizeBytes)
                    Failpoint.reach(.commitDone)
                    try await locate(target.id, source.sizeBytes, digests)
                    return target.id
                }
            }
            var done: Set<StoreID> = []
            for try await store in group { if let store { done.insert(store) } }
            return done
        }
        return targets.filter { !done.contains($0.id) }
    }

    private func isCopiedInside(
        _ target: any ImageStorage, from source: StoredImage, _ digests: ContentDigests
    ) async throws -> Bool {
        // A copy of damaged bytes ends the attempt. The one behind it asks its first store only, so that all get their turn.
        for place in claim.task.attempt > 1 ? Array(source.places.prefix(1)) : source.places {
            do {
                let copy = try await target.copy(
                    place.key, of: place.storage, to: key, describe(source.sizeBytes, digests)
                ) { done in
                    try Task.checkCancellation()
                    try await keeper.pass()
                    keeper.note(bytesDone: done)
                }
                switch copy {
                case .notHere: continue
                case .made: return true
                case .doubtful:
                    let made = stored([StoredImage.Place(storage: target, key: key)], source.sizeBytes)
                    // Into no store: just to compare.
                    try await stream(made, into: [], isSecured: true, digests, original: place.storage.id)
                    return true
                }
            } catch let error as StorageError {
                keeper.logger.warning("no copy inside the service", metadata: ["reason": "\(error)"])
                return false
            }
        }
        return false
    }

    private func stream(
        _ source: StoredImage, into targets: [any ImageStorage], isSecured: Bool, _ digests: ContentDigests,
        original: StoreID? = nil
    ) async throws {
        keeper.note(phase: .streaming)
        let keeper = keeper
        let pipeline = ImportPipeline(
            targets: targets, key: key, mustAll: request.allStoresMustSucceed, isSecured: isSecured,
            patience: patience, expected: try ExpectedDigest(parsing: "sha512:\(digests.sha512)"),
            threads: runner.threads, gate: keeper,
            progress: { keeper.note(bytesDone: $0) },
            onCommit: { store in try await locate(store, source.sizeBytes, digests) })
        do {
            _ = try await pipeline.run(source, expectedBytes: source.sizeBytes, description: describe)
        } catch PipelineError.digestMismatch(_, let actual) {
            let store = original ?? source.places[0].storage.id
            let what = "the bytes in store '\(store)' are not those of the image: their digest is \(actual)"
            let isOnlyOne = claim.image.locations.count == 1 && !targets.isEmpty
            throw isOnlyOne ? Fault.rejected(what) : Fault.damaged(what)
        }
    }

    /// Adds a store that has the object to the image.
    func locate(_ store: StoreID, _ sizeBytes: Int64, _ digests: ContentDigests) async throws {
        let reply = try await LeaseStore.insist(for: .seconds(3600)) {
            try await runner.store.locate(keeper.attempt, in: store, sizeBytes: sizeBytes, digests)
        }
        switch reply {
        case .located: return
        case .lost(let lost): throw lost
        case .gone: throw LostLease(why: .gone)
        case .changed(let what): throw Fault.damaged("the image changed while it was copied (\(what))")
        }
    }
}
