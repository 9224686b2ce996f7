import ImportModel
package import LeaseStore
package import Logging
import ServiceLifecycle

/// Tells the fleet that this process runs, and says goodbye when it stops.
package struct Presence: Service {
    private let store: LeaseStore
    private let record: ProcessRecord
    private let stores: ReadyStores
    private let nudge = Nudge()
    private let logger: Logger
    /// Dead processes that nobody sees die are counted for so long, and those that live look the less often for it.
    private var timeToLive: Duration { store.settings.lease * 6 }

    /// - Parameters:
    ///   - record: what is told, with `stores` as they are then.
    ///   - stores: told anew as soon as there is one more.
    package init(store: LeaseStore, record: ProcessRecord, stores: ReadyStores, logger: Logger) {
        self.store = store
        self.record = record
        self.stores = stores
        self.logger = logger
        stores.onGrowth { [nudge] in nudge.give() }
    }

    /// Said once before anything is claimed, so that a death can be noticed from the first moment.
    /// - Throws: `LeaseStoreError`
    package func announce() async throws {
        var record = record
        record.stores = stores.ids
        _ = try await store.register(record, timeToLive: timeToLive)
    }

    package func run() async throws {
        // Ends with the graceful shutdown; errors are logged below, so nothing else leaves the loop.
        try? await cancelWhenGracefulShutdown {
            while true {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await Task.sleep(for: timeToLive / 3 * Double.random(in: 0.8...1)) }
                    group.addTask { try await nudge.take() }
                    defer { group.cancelAll() }
                    try await group.next()
                }
                do {
                    try await announce()
                } catch let error as LeaseStoreError {
                    logger.warning("cannot tell the fleet of this process", metadata: ["reason": "\(error)"])
                }
            }
        }
        do {
            try await store.leave(record.id, hostKey: record.hostKey)
        } catch {
            logger.debug("could not say goodbye", metadata: ["reason": "\(error)"])
        }
    }
}
