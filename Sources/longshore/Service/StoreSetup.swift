import ImageStorage
import ImportModel
import LeaseStore
import Logging

/// Makes sure, before a store is used, that it is this catalog's and can be used: a folder that is not the shared one, or
/// was not mounted, is noticed before an image is written into it.
struct StoreSetup: Sendable {
    let catalogID: String
    let store: LeaseStore
    let logger: Logger

    /// - Parameter mayBeNew: whether a store without a marker is set up. Asked when one was found without.
    /// - Throws: `InvalidValue`, `StorageError` or `LeaseStoreError`, with what to do.
    func check(_ storage: any ImageStorage, mayBeNew: () -> Bool) async throws {
        var marker = try await storage.marker()
        let isNew = marker == nil
        // After the marker: what others have written there while this process starts is no loss.
        let sequence = try await store.catalogState().sequence
        if isNew {
            guard try await !store.isStoreKnown(storage.id) else {
                throw StorageError.misconfigured(
                    storage.id,
                    reason: "it has no marker, and it had one: its file system is not mounted, or it is another folder "
                        + "or bucket; mount it; if what it held is lost for good, "
                        + "`longshore doctor --release-store \(storage.id)`")
            }
            // Its own check says what to do.
            if storage.isReadOnly { return try await storage.check() }
            guard mayBeNew() else {
                throw StorageError.misconfigured(
                    storage.id, reason: "it has no marker: it was never set up; restart a process, which does it")
            }
            logger.notice("store '\(storage.id)' is new: it is marked as this catalog's")
            marker = try await storage.updateMarker(StoreMarker(catalogId: catalogID, mark: sequence), isNew: true)
        }
        if let marker {
            guard marker.catalogId == catalogID else {
                throw InvalidValue(
                    "store '\(storage.id)' belongs to another catalog (\(marker.catalogId); this is \(catalogID)); "
                        + "use its own Redis and prefix, or another folder; if Redis was lost, "
                        + "see `longshore doctor --release-store`")
            }
            // A marker that somebody else has just set is younger than the sequence.
            if !isNew { try await hold(storage, marker, sequence) }
        }
        try await storage.check()
        // Behind everything that may fail: what is noted must have been there.
        try await store.noteStore(storage.id)
    }

    /// An older Redis is held before new imports make it look like the one that was lost.
    private func hold(_ storage: any ImageStorage, _ marker: StoreMarker, _ sequence: Int64) async throws {
        guard let reason = marker.reasonToHold(catalog: catalogID, sequence: sequence) else { return }
        if marker.heldBecause == nil, !storage.isReadOnly {
            var held = marker
            held.heldBecause = reason
            try await storage.updateMarker(held)
        }
        logger.error("nothing is deleted from store '\(storage.id)': \(reason) (`longshore doctor` says what to do)")
    }
}
