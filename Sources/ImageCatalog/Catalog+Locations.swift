package import ImportModel
import LeaseStore

extension Catalog {
    /// Deletes an active image from one of its stores, never from the last one. The bytes there become garbage. Who asks
    /// is checked before.
    package func delete(_ image: ImageRecord, from place: StoreID) async throws {
        let (reply, isRepeat) = try await insist { try await store.deleteLocation(of: image.id, in: place) }
        switch reply {
        case .deleted: return
        case .noLocation where isRepeat: return
        case .noImage: throw CatalogError.noImage(image.id.rawValue)
        case .noLocation: throw CatalogError.notFound("Image \(image.id) is not in store '\(place)'.")
        case .lastLocation:
            throw CatalogError.forbidden(
                "Image \(image.id) is in no other store than '\(place)'; delete the image, or copy it first.")
        case .wrongStatus(let status):
            throw CatalogError.conflict(
                "Only an active image can be deleted from a store; image \(image.id) is '\(status.rawValue)'.")
        case .locked(let task):
            throw CatalogError.conflict(
                "Image \(image.id) is in use: task \(task) copies it; wait for its end, or cancel it.")
        }
    }
}
