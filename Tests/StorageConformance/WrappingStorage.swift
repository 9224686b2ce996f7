package import ImageStorage
package import ImportModel

/// A store that is another one but for what it does itself, for tests that need one which fails, hangs or tells.
package protocol WrappingStorage: ImageStorage {
    var base: any ImageStorage { get }
}

extension WrappingStorage {
    package var id: StoreID { base.id }
    package var kind: String { base.kind }
    package var isReadOnly: Bool { base.isReadOnly }

    package func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        try await base.create(key, expectedBytes: expectedBytes)
    }
    package func resume(
        _ key: ObjectKey, _ unfinished: UnfinishedObject, at offset: Int64, expectedBytes: Int64?
    ) async throws(StorageError) -> (any ObjectWriter)? {
        try await base.resume(key, unfinished, at: offset, expectedBytes: expectedBytes)
    }
    package func read(_ key: ObjectKey, range: Range<Int64>?) async throws(StorageError) -> ObjectBody {
        try await base.read(key, range: range)
    }
    package func size(_ key: ObjectKey) async throws(StorageError) -> Int64? { try await base.size(key) }
    package func delete(_ key: ObjectKey) async throws(StorageError) { try await base.delete(key) }
    package func list(after cursor: String?) async throws(StorageError) -> ObjectPage {
        try await base.list(after: cursor)
    }
    package func marker() async throws(StorageError) -> StoreMarker? { try await base.marker() }
    package func setMarker(_ marker: StoreMarker, ifAbsent: Bool) async throws(StorageError) {
        try await base.setMarker(marker, ifAbsent: ifAbsent)
    }
    package func check() async throws(StorageError) { try await base.check() }
}
