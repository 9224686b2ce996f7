/// Whose store this is. A folder that is not the shared one has no marker or another catalog's.
package struct StoreMarker: Hashable, Codable, Sendable {
    /// The catalog that names the objects in this store.
    package var catalogId: String
    /// A number that only grows with the catalog: a catalog behind it is an old copy and must not sweep.
    package var mark: Int64
    /// Why nothing is deleted until an operator releases the store. Once written it stays, whatever Redis says later:
    /// a catalog that was lost soon looks like a healthy one again.
    package var heldBecause: String?

    package init(catalogId: String, mark: Int64, heldBecause: String? = nil) {
        self.catalogId = catalogId
        self.mark = mark
        self.heldBecause = heldBecause
    }

    /// What becomes of this marker when somebody who saw it earlier wants another: a hold stays with its mark, a mark
    /// never sinks, and another catalog's marker is left alone.
    package func merged(with wanted: StoreMarker) -> StoreMarker {
        guard heldBecause == nil, catalogId == wanted.catalogId else { return self }
        return StoreMarker(catalogId: catalogId, mark: max(mark, wanted.mark), heldBecause: wanted.heldBecause)
    }

    /// Why a catalog must not delete here; `nil` if it may.
    /// - Parameters:
    ///   - catalog: the id that Redis has now; `nil` where it has none.
    ///   - sequence: what Redis has counted up to now.
    package func reasonToHold(catalog: String?, sequence: Int64) -> String? {
        if let heldBecause { return heldBecause }
        guard let catalog else {
            return "Redis has no catalog any more, the store belongs to \(catalogId): was Redis emptied?"
        }
        guard catalog == catalogId else {
            return
                "the store belongs to the catalog \(catalogId), Redis has \(catalog): was Redis emptied or exchanged?"
        }
        guard sequence >= mark else {
            return "Redis is behind the store (\(sequence) < \(mark)): was a backup restored?"
        }
        return nil
    }
}
