package import ImportModel

/// A place where an object can be written: every store is one.
package protocol ObjectTarget: Sendable {
    /// The name that the operator gave to this store.
    var id: StoreID { get }

    /// Opens `key` for writing; nothing is visible before the writer commits.
    ///
    /// - Parameter expectedBytes: the size if it is known, so that a store that cannot hold it refuses at once.
    /// - Throws: `.exists` if the object exists or is being written.
    func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter
}
