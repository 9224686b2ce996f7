import ImageCatalog
import ImageStorage
import ImportModel

/// The stores that are offered, in the operator's order.
struct StoreShelf: Sendable {
    let stores: [ImageService.Store]
    let defaultStore: StoreID
    let stagingStore: StoreID

    /// In which of an image's stores its bytes are looked for first.
    let order: ReadingOrder

    init(stores: [ImageService.Store], defaultStore: StoreID, stagingStore: StoreID) {
        self.stores = stores
        self.defaultStore = defaultStore
        self.stagingStore = stagingStore
        let weights = Dictionary(stores.map { ($0.id, $0.weight) }) { first, _ in first }
        order = ReadingOrder(weights: weights, defaultStore: defaultStore)
    }

    var ids: [StoreID] { stores.map(\.id) }

    /// Those that images can be put into.
    var openIDs: [StoreID] { stores.filter { !$0.storage.isReadOnly }.map(\.id) }

    func isReadOnly(_ id: StoreID) -> Bool { storage(id)?.isReadOnly ?? false }

    func storage(_ id: StoreID) -> (any ImageStorage)? { stores.first { $0.id == id }?.storage }

    func known(_ name: String) -> StoreID? {
        StoreID(rawValue: name).flatMap { id in stores.contains { $0.id == id } ? id : nil }
    }

    /// - Parameter withDetail: adds what an administrator may know.
    func document(withDetail: Bool) -> JSON {
        let list = stores.map { store in
            var members: [String: JSON] = ["id": .string(store.id.rawValue)]
            if !store.description.isEmpty { members["description"] = .string(store.description) }
            // Clients expect words, not booleans.
            if store.id == defaultStore { members["default"] = .string("true") }
            if store.storage.isReadOnly { members["read-only"] = .string("true") }
            if withDetail {
                members["type"] = .string(store.storage.kind)
                members["weight"] = .integer(Int64(store.weight))
                members["properties"] = .object(store.properties.mapValues(JSON.string))
            }
            return JSON.object(members)
        }
        return .object(["stores": .array(list)])
    }
}
