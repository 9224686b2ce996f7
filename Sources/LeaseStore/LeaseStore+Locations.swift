package import ImportModel
import RedisClient

package enum LocationDeleteReply: Hashable, Sendable {
    case deleted, noImage
    /// Only an active image is deleted from a store.
    case wrongStatus(ImageStatus)
    /// The image is being copied, or was when this was asked.
    case locked(TaskID)
    /// The image is not in this store: it never was, or is not any more.
    case noLocation
    /// No other store has it.
    case lastLocation
}

extension LeaseStore {
    /// Takes one of its stores from an active image; the object there becomes garbage. Durable once it returns. A repeat
    /// is answered with `noLocation`.
    package func deleteLocation(of image: ImageID, in store: StoreID) async throws -> LocationDeleteReply {
        let reply = try await call(Scripts.locationDelete, [image.rawValue, store.rawValue], isDurable: true)
        switch reply.word {
        case "deleted": return .deleted
        case "no-image": return .noImage
        case "wrong-status": return .wrongStatus(try reply.imageStatus(0))
        case "locked":
            guard let holder = TaskID(rawValue: try reply.string(0)) else { throw reply.malformed("an unknown holder") }
            return .locked(holder)
        case "no-location": return .noLocation
        case "last-location": return .lastLocation
        default: throw reply.unknown
        }
    }
}
