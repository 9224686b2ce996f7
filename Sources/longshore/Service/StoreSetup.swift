import ImageStorage
import ImportModel
import Logging

/// Makes sure at the start that every store is this catalog's and can be used: a folder that is not the shared one, or
/// was not mounted, is noticed before an image is written into it.
struct StoreSetup: Sendable {
    let catalogID: String
    let logger: Logger

    /// - Throws: `InvalidValue` or `StorageError`, with what to do.
    func check(_ storages: [any ImageStorage]) async throws {
        for storage in storages {
            if let marker = try await storage.marker() {
                guard marker.catalogId == catalogID else {
                    throw InvalidValue(
                        "store '\(storage.id)' belongs to another catalog (\(marker.catalogId); this is \(catalogID)); "
                            + "use its own Redis and prefix, or another folder")
                }
            } else {
                logger.notice("store '\(storage.id)' is new: it is marked as this catalog's")
                try await storage.setMarker(StoreMarker(catalogId: catalogID, mark: 0))
            }
            try await storage.check()
        }
    }
}
