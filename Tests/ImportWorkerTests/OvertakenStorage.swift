import ImageStorage
import ImportModel

/// A store on which others are at work while its marker is being looked at, or right after.
struct OvertakenStorage: ImageStorage {
    let storage: any ImageStorage
    var meanwhile: @Sendable () async throws -> Void = {}
    var afterwards: @Sendable () async throws -> Void = {}

    var id: StoreID { storage.id }
    var kind: String { storage.kind }

    func marker() async throws(StorageError) -> StoreMarker? {
        try await others(meanwhile)
        let marker = try await storage.marker()
        try await others(afterwards)
        return marker
    }

    private func others(_ work: () async throws -> Void) async throws(StorageError) {
        do { try await work() } catch { throw .unavailable(id, reason: "\(error)") }
    }

    func setMarker(_ marker: StoreMarker, ifAbsent: Bool) async throws(StorageError) {
        try await storage.setMarker(marker, ifAbsent: ifAbsent)
    }
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
