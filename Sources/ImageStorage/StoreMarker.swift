/// Whose store this is. A folder that is not the shared one has no marker or another catalog's.
package struct StoreMarker: Hashable, Codable, Sendable {
    /// The catalog that names the objects in this store.
    package var catalogId: String
    /// A number that only grows with the catalog: a catalog behind it is an old copy and must not sweep.
    package var mark: Int64

    package init(catalogId: String, mark: Int64) {
        self.catalogId = catalogId
        self.mark = mark
    }
}
