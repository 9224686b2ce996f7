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

    /// Opens a writer that goes on behind the first `offset` bytes of what another one has begun, which may be writing
    /// still; neither can spoil what the other commits.
    ///
    /// - Parameters:
    ///   - key: for the new object, where the store cannot go on with the one that was begun.
    ///   - unfinished: of the same image.
    /// - Returns: `nil` if these bytes are not there, or this store cannot go on: nothing has been changed then.
    func resume(
        _ key: ObjectKey, _ unfinished: UnfinishedObject, at offset: Int64, expectedBytes: Int64?
    ) async throws(StorageError) -> (any ObjectWriter)?
}

extension ObjectTarget {
    package func resume(
        _ key: ObjectKey, _ unfinished: UnfinishedObject, at offset: Int64, expectedBytes: Int64?
    ) async throws(StorageError) -> (any ObjectWriter)? { nil }
}
