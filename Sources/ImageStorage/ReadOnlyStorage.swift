package import ImportModel

/// A store that the operator has closed: what it has can be read, and nothing is written, marked or deleted there.
///
/// Also a process that may not write there can use it, since nothing is tried.
package struct ReadOnlyStorage: ImageStorage {
    /// The store itself, for those that only read.
    package let base: any ImageStorage

    package init(_ base: any ImageStorage) { self.base = base }

    package var id: StoreID { base.id }
    package var kind: String { base.kind }
    package var isReadOnly: Bool { true }

    package func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        throw closed("written")
    }

    package func read(_ key: ObjectKey, range: Range<Int64>?) async throws(StorageError) -> ObjectBody {
        try await base.read(key, range: range)
    }

    package func size(_ key: ObjectKey) async throws(StorageError) -> Int64? { try await base.size(key) }

    package func delete(_ key: ObjectKey) async throws(StorageError) { throw closed("deleted") }

    package func list(after cursor: String?) async throws(StorageError) -> ObjectPage {
        try await base.list(after: cursor)
    }

    package func marker() async throws(StorageError) -> StoreMarker? { try await base.marker() }

    package func setMarker(_ marker: StoreMarker, ifAbsent: Bool) async throws(StorageError) {
        throw closed("marked")
    }

    /// Whether the store can be read and carries a marker: that it is writable, nobody needs.
    package func check() async throws(StorageError) {
        guard try await base.marker() == nil else { return }
        throw .misconfigured(
            id,
            reason: "it has no marker, so it was never set up or is not the store that was meant; a store is set up by "
                + "a start without 'read-only'")
    }

    private func closed(_ what: String) -> StorageError {
        .misconfigured(id, reason: "it is configured as read-only, so nothing is \(what) there")
    }
}

extension ImageStorage {
    package var isReadOnly: Bool { false }
}
