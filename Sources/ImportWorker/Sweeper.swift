package import ImageStorage
import ImportModel
package import LeaseStore
package import Logging
import ServiceLifecycle

/// Removes objects that nothing names: the only one in the whole fleet who deletes.
///
/// It deletes only what has been garbage for a lease and a grace, asked again right before; and it stops, for a
/// person to decide, where the store is another catalog's, where Redis is behind the store's mark (a restored backup,
/// an emptied server), or where too much would go at once.
package struct Sweeper: Service {
    package struct Limits: Sendable {
        /// More garbage than this in one store at once is left for a person to look at.
        package var maxDelete = 1000
        /// So is more than this share of what the catalog speaks of, where that is more than a handful.
        package var maxShare = 0.5
        /// How old a stray that only a listing of the store finds must be.
        package var strayAge: Duration = .seconds(24 * 3600)
        package var interval: Duration = .seconds(60)

        package init() {}
    }

    /// Below this many a share says nothing.
    private static let handful = 100

    private let store: LeaseStore
    private let storages: [any ImageStorage]
    private let catalogID: String
    private let limits: Limits
    private let logger: Logger

    package init(
        store: LeaseStore, storages: [any ImageStorage], catalogID: String, limits: Limits, logger: Logger
    ) {
        self.store = store
        self.storages = storages
        self.catalogID = catalogID
        self.limits = limits
        self.logger = logger
    }

    package func run() async throws {
        // Ends with the graceful shutdown; errors are logged below, so nothing else leaves the loop.
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: limits.interval * Double.random(in: 0.9...1.1))
                for storage in storages {
                    do {
                        try await sweepInTurn(storage)
                    } catch let error where !(error is CancellationError) {
                        logger.warning("cannot sweep store '\(storage.id)'", metadata: ["reason": "\(error)"])
                    }
                }
            }
        }
    }

    private func sweepInTurn(_ storage: any ImageStorage) async throws {
        guard try await store.beginTurn("sweep:\(storage.id)", every: limits.interval) else { return }
        try await sweep(storage)
        if try await store.beginTurn("strays:\(storage.id)", every: limits.strayAge) {
            try await nameStrays(in: storage)
        }
    }

    /// Removes the garbage of one store that may go now. Returns how many objects went.
    @discardableResult
    package func sweep(_ storage: any ImageStorage) async throws -> Int {
        let age = store.settings.lease + store.settings.garbageGrace
        let batch = try await store.takeGarbage(of: storage.id, olderThan: age, atMost: limits.maxDelete + 1)
        guard let marker = try await storage.marker(), try await mayDelete(batch, from: storage, marker) else {
            return 0
        }
        for entry in batch.entries {
            // A key that no version of ours wrote is never passed to a store.
            guard let key = ObjectKey(entry.key) else { continue }
            try await storage.delete(key)
        }
        try await store.finishGarbage(of: storage.id, batch.entries)
        if batch.sequence > marker.mark {
            try await storage.setMarker(StoreMarker(catalogId: catalogID, mark: batch.sequence))
        }
        if !batch.entries.isEmpty {
            logger.info("swept store '\(storage.id)'", metadata: ["objects": "\(batch.entries.count)"])
        }
        return batch.entries.count
    }

    private func mayDelete(
        _ batch: GarbageBatch, from storage: any ImageStorage, _ marker: StoreMarker
    ) async throws -> Bool {
        guard marker.catalogId == catalogID else {
            hold(storage, "the store belongs to the catalog \(marker.catalogId), this is \(catalogID)")
            return false
        }
        guard batch.sequence >= marker.mark else {
            hold(storage, "Redis is behind the store (\(batch.sequence) < \(marker.mark)): was a backup restored?")
            return false
        }
        let count = batch.entries.count
        guard count <= limits.maxDelete else {
            hold(
                storage,
                "more than \(limits.maxDelete) objects would go at once; raise sweep.max-delete if that is right")
            return false
        }
        let images = try await store.imageCount()
        guard count <= Self.handful || Double(count) <= limits.maxShare * Double(count + images) else {
            hold(storage, "\(count) objects would go and \(images) images stay; raise sweep.max-share if that is right")
            return false
        }
        return true
    }

    private func hold(_ storage: any ImageStorage, _ reason: String) {
        logger.error("nothing is deleted from store '\(storage.id)': \(reason)")
    }

    /// The rare look at the whole store: what is old and was never named, such as the late write of a crashed loser.
    package func nameStrays(in storage: any ImageStorage) async throws {
        guard try await storage.marker()?.catalogId == catalogID else { return }
        var cursor: String?
        repeat {
            let page = try await storage.list(after: cursor)
            // The script leaves alone what an image, a stage or a running attempt names.
            try await store.nameGarbage(
                page.objects.filter { $0.age >= limits.strayAge }.map { (storage.id, $0.key.description) })
            cursor = page.next
        } while cursor != nil
    }
}
