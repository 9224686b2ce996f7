import ImageStorage
import ImportModel

/// A store on which others are at work while its marker is being looked at.
struct OvertakenStorage: ImageStorage {
    let storage: any ImageStorage
    let meanwhile: @Sendable () async throws -> Void

    var id: StoreID { storage.id }
    var kind: String { storage.kind }

    func marker() async throws(StorageError) -> StoreMarker? {
        do { try await meanwhile() } catch { throw .unavailable(id, reason: "\(error)") }
        return try await storage.marker()
    }

    func setMarker(_ marker: StoreMarker) async throws(StorageError) { try await storage.setMarker(marker) }
    func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        try await storage.create(key, expectedBytes: expectedBytes)
    }
    func read(_ key: ObjectKey, range: Range<Int64>?) async throws(StorageError) -> ObjectBody {
        try await storage.read(key, range: range)
    }
    func size(_ key: ObjectKey) async throws(StorageError) -> Int64? { try await storage.size(key) }
    func delete(_ key: ObjectKey) async throws(StorageError) { try await storage.delete(key) }
    func list(after cursor: String?) async throws(StorageError) -> ObjectPage { try await storage.list(after: cursor) }
    func check() async throws(StorageError) { try await storage.check() }
}
