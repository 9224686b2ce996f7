package import ImportModel

/// Why a store did not do what it was asked; the description names the store and says what to do.
package enum StorageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The object is there already, or somebody else is writing it.
    case exists(StoreID, ObjectKey)
    /// What another writer had begun, and this one went on with, is complete, and not with this one's bytes.
    case overtaken(StoreID, ObjectKey)
    /// There is no such object.
    case notFound(StoreID, ObjectKey)
    /// No room: disk or quota.
    case full(StoreID, reason: String)
    /// A fault that may pass by itself.
    case unavailable(StoreID, reason: String)
    /// A fault of this host or of its settings, which stays until a person mends it.
    case misconfigured(StoreID, reason: String)

    package var store: StoreID {
        switch self {
        case .exists(let store, _), .overtaken(let store, _), .notFound(let store, _), .full(let store, _),
            .unavailable(let store, _),
            .misconfigured(let store, _):
            store
        }
    }

    package var description: String {
        switch self {
        case .exists(let store, let key):
            "store '\(store)': object \(key) exists or is being written, and objects are written once; start a new attempt"
        case .overtaken(let store, let key):
            "store '\(store)': object \(key) was completed or changed by a worker that had begun it; start a new attempt"
        case .notFound(let store, let key):
            "store '\(store)': there is no object \(key); check that this host sees the same store as its peers"
        case .full(let store, let reason):
            "store '\(store)' is full: \(reason); free or add space, then retry"
        case .unavailable(let store, let reason):
            "store '\(store)' is not available: \(reason); retry, and look at the store if it stays so"
        case .misconfigured(let store, let reason):
            "store '\(store)' cannot be used from this host: \(reason)"
        }
    }
}
