extension ImageStorage {
    /// Writes into the store's marker what a process found out, and undoes nothing that others wrote meanwhile: the
    /// marker is read again right before, and `StoreMarker.merged` says what becomes of it.
    ///
    /// A store cannot compare and write in one step, so two writers within the same moment are not told apart. A new
    /// marker replaces none, though, where the service keeps that condition.
    /// - Parameters:
    ///   - wanted: the marker as it was found, with a higher mark or a reason to hold the store.
    ///   - isNew: sets up a store without a marker; otherwise nothing is written there.
    /// - Returns: the marker that the store has now; the caller looks whether it still is its own.
    @discardableResult
    package func updateMarker(
        _ wanted: StoreMarker, isNew: Bool = false
    ) async throws(StorageError) -> StoreMarker? {
        guard let found = try await marker() else {
            guard isNew else { return nil }
            try await setMarker(wanted, ifAbsent: true)
            // What is there now may be another's.
            return try await marker()
        }
        let merged = found.merged(with: wanted)
        if merged != found { try await setMarker(merged) }
        return merged
    }
}
