import ImageCatalog
import ImageStorage
import ImportModel

/// The stores that are offered, in the operator's order.
struct StoreShelf: Sendable {
    let stores: [ImageService.Store]
    let defaultStore: StoreID
    let stagingStore: StoreID

    var ids: [StoreID] { stores.map(\.id) }

    func storage(_ id: StoreID) -> (any ImageStorage)? { stores.first { $0.id == id }?.storage }

    func known(_ name: String) -> StoreID? {
        StoreID(rawValue: name).flatMap { id in stores.contains { $0.id == id } ? id : nil }
    }

    /// - Parameter withDetail: adds what an administrator may know.
    func document(withDetail: Bool) -> JSON {
        let list = stores.map { store in
            var members: [String: JSON] = ["id": .string(store.id.rawValue)]
            if !store.description.isEmpty { members["description"] = .string(store.description) }
            // Clients expect the word, not a boolean.
            if store.id == defaultStore { members["default"] = .string("true") }
            if withDetail {
                members["type"] = .string(store.storage.kind)
                members["weight"] = .integer(0)
                members["properties"] = .object([:])
            }
            return JSON.object(members)
        }
        return .object(["stores": .array(list)])
    }
}
