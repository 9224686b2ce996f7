package import ImportModel
import Synchronization

/// The stores that this process has found to be there, usable, and its catalog's. Grows while the process runs: a store
/// that is down when it starts comes later.
package final class ReadyStores: Sendable {
    private let state: Mutex<State>

    private struct State {
        var ids: [StoreID]
        var listeners: [@Sendable () -> Void] = []
    }

    package init(_ ids: [StoreID] = []) { state = Mutex(State(ids: ids)) }

    package var ids: [StoreID] { state.withLock(\.ids) }

    package func add(_ id: StoreID) {
        let listeners = state.withLock { state -> [@Sendable () -> Void] in
            guard !state.ids.contains(id) else { return [] }
            state.ids.append(id)
            return state.listeners
        }
        for tell in listeners { tell() }
    }

    /// Has `listener` told whenever there is one more.
    func onGrowth(_ listener: @escaping @Sendable () -> Void) { state.withLock { $0.listeners.append(listener) } }
}
