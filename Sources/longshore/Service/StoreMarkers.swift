import ImageStorage
import ImportModel
import LeaseStore
import Operations

/// Whether the stores and Redis belong together, as the doctor sees it, and the release of a store that is held.
struct StoreMarkers: Sendable {
    let settings: Settings

    /// Compares a store's marker with what Redis is now.
    func examine(_ place: StoreSettings) async -> CheckResult {
        do {
            return try await with(place) { storage, store in
                guard let marker = try await storage.marker() else {
                    guard try await store.isStoreKnown(place.id) else {
                        return .warning("not set up yet", remedy: "the first process that starts does it")
                    }
                    return .failure(
                        "it has no marker, and it had one",
                        remedy: "mount its file system, or mend its path; if what it held is lost for good, "
                            + "`longshore doctor --release-store \(place.id)` sets it up again")
                }
                let catalog = try await store.catalogState()
                guard let reason = marker.reasonToHold(catalog: catalog.id, sequence: catalog.sequence) else {
                    return .ok("belongs to the catalog \(marker.catalogId)")
                }
                let name = marker.catalogId == catalog.id ? "\(place.id)" : "\(place.id)=\(marker.catalogId)"
                return .failure(
                    "nothing is deleted from it: \(reason)",
                    remedy: "bring back the Redis that the store belongs to; or, if this one is to stay, "
                        + "`longshore doctor --release-store \(name)`: objects that it does not know become strays")
            }
        } catch {
            return .failure("\(error)", remedy: "mend the store and Redis first")
        }
    }

    /// Binds a store to what Redis is now and ends its hold.
    ///
    /// - Parameter name: the store's id, and with `=` the catalog that its marker names where that is not Redis's.
    /// - Returns: what was done, for people.
    /// - Throws: `InvalidValue`, `StorageError`, `LeaseStoreError`; then nothing was changed.
    func release(_ name: String) async throws -> String {
        let parts = name.split(separator: "=", maxSplits: 1).map(String.init)
        guard let id = parts.first, let place = settings.stores.first(where: { $0.id.rawValue == id }) else {
            let known = settings.stores.map(\.id.rawValue).joined(separator: ", ")
            throw InvalidValue("there is no store '\(name)' in the configuration; it has: \(known)")
        }
        return try await with(place) { storage, store in
            // An emptied Redis gets a catalog, as it would from the first process that starts.
            let catalogID = try await store.openCatalog()
            let sequence = try await store.catalogState().sequence
            guard let marker = try await storage.marker() else {
                guard try await store.isStoreKnown(place.id) else {
                    throw InvalidValue("store '\(id)' has no marker; start a process, which sets it up")
                }
                try await storage.setMarker(StoreMarker(catalogId: catalogID, mark: sequence))
                try await storage.check()
                return "store '\(id)' is set up again; images that were only there have lost their bytes"
            }
            try await storage.check()
            guard marker.catalogId == catalogID || parts.dropFirst().first == marker.catalogId else {
                throw InvalidValue(
                    "store '\(id)' belongs to the catalog \(marker.catalogId), Redis has \(catalogID); if that one is "
                        + "lost for good, say so with --release-store \(id)=\(marker.catalogId)")
            }
            guard let reason = marker.reasonToHold(catalog: catalogID, sequence: sequence) else {
                return "store '\(id)' is not held; nothing was changed"
            }
            try await storage.setMarker(StoreMarker(catalogId: catalogID, mark: sequence))
            try await store.reportStore(place.id, isHeld: false, sweptEvery: settings.sweep.interval)
            return """
                store '\(id)' was held: \(reason)
                released: it belongs to the catalog \(catalogID) at \(sequence) (before: \(marker.catalogId) at \
                \(marker.mark))
                The sweeper deletes again, and calls what Redis does not name strays: within sweep.max-delete and \
                sweep.max-share. Restart processes that ran before Redis was emptied or exchanged.
                """
        }
    }

    private func with<Answer: Sendable>(
        _ place: StoreSettings, _ body: (any ImageStorage, LeaseStore) async throws -> Answer
    ) async throws -> Answer {
        try await settings.withCatalog { store in
            try await settings.withStorage(place) { storage in try await body(storage, store) }
        }
    }
}
