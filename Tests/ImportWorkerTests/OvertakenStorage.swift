import ImageStorage
import ImportModel
import StorageConformance

/// A store on which others are at work while its marker is being looked at, or right after.
struct OvertakenStorage: WrappingStorage {
    let base: any ImageStorage
    var meanwhile: @Sendable () async throws -> Void = {}
    var afterwards: @Sendable () async throws -> Void = {}

    func marker() async throws(StorageError) -> StoreMarker? {
        try await others(meanwhile)
        let marker = try await base.marker()
        try await others(afterwards)
        return marker
    }

    private func others(_ work: () async throws -> Void) async throws(StorageError) {
        do { try await work() } catch { throw .unavailable(id, reason: "\(error)") }
    }
}
