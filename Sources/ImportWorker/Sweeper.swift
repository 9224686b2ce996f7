package import ImageStorage
import ImportModel
package import LeaseStore
package import Logging
import ServiceLifecycle

/// Removes objects that nothing names: the only one in the whole fleet who deletes.
///
/// What is called garbage belongs to attempts that have ended, and can never be named again, so it goes in batches. All
/// the same nothing goes where Redis is not the catalog of this store or is behind it (an emptied server, a restored
/// backup). That is written into the store's marker at the first sight, and stays until an operator releases it: a few
/// new imports would make such a Redis look healthy, while it does not know of the objects that it lost.
package struct Sweeper: Service {
    package struct Limits: Sendable {
        /// Objects that one sweep removes at most; more strays than this are left for a person to look at.
        package var maxDelete = 1000
        /// So are more strays than this share of what a listing of the store saw.
        package var maxShare = 0.5
        /// How old a stray that only a listing of the store finds must be.
        package var strayAge: Duration = .seconds(24 * 3600)
        package var interval: Duration = .seconds(60)

        package init() {}
    }

    /// More than this is never asked of one script.
    private static let largestBatch = 10_000

    private let store: LeaseStore
    private let storages: [any ImageStorage]
    private let catalogID: String
    private let limits: Limits
    private let logger: Logger

    /// - Parameter catalogID: the catalog that this process found at its start.
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
        // Errors are logged below: nothing but the graceful shutdown ends it.
        await cancelWhenGracefulShutdown {
            await StoreRounds(storages: storages, interval: limits.interval).run { storage in
                do { try await sweepInTurn(storage) } catch is CancellationError {
                    // The end of all rounds.
                } catch {
                    logger.warning("cannot sweep store '\(storage.id)'", metadata: ["reason": "\(error)"])
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

    /// Removes the garbage of one store that may go now, a batch of it. Returns how many objects went.
    @discardableResult
    package func sweep(_ storage: any ImageStorage) async throws -> Int {
        let age = store.settings.lease + store.settings.garbageGrace
        let found = try await storage.marker()
        let batch = try await store.takeGarbage(
            of: storage.id, olderThan: age, atMost: min(limits.maxDelete, Self.largestBatch))
        let trusted = try await trusted(found, of: storage, batch.catalog)
        try await store.reportStore(storage.id, isHeld: trusted == nil, sweptEvery: limits.interval)
        guard var marker = trusted else { return 0 }
        var isMarked = true
        if batch.catalog.sequence > marker.mark {
            marker.mark = batch.catalog.sequence
            do throws(StorageError) {
                guard try await isWritten(marker, to: storage) else { return 0 }
            } catch {
                // What goes makes the room: otherwise a full disk would stay full.
                guard case .full = error, !batch.entries.isEmpty else { throw error }
                isMarked = false
            }
        }
        if !batch.entries.isEmpty { Failpoint.reach(.sweepTaken) }
        for entry in batch.entries {
            // A key that no version of ours wrote is never passed to a store.
            guard let key = ObjectKey(entry.key) else { continue }
            try await storage.delete(key)
            Failpoint.reach(.sweepDeleted)
        }
        if !isMarked { try await storage.updateMarker(marker) }
        try await store.finishGarbage(of: storage.id, batch.entries)
        if !batch.entries.isEmpty {
            Failpoint.reach(.sweepReported)
            logger.info("swept store '\(storage.id)'", metadata: ["objects": "\(batch.entries.count)"])
        }
        return batch.entries.count
    }

    /// Raises the mark; false if the store was held or given to another catalog since it was looked at.
    private func isWritten(
        _ marker: StoreMarker, to storage: any ImageStorage
    ) async throws(StorageError) -> Bool {
        let now = try await storage.updateMarker(marker)
        if let now, now.heldBecause == nil, now.catalogId == marker.catalogId { return true }
        refuse(storage, now?.heldBecause ?? "its marker was taken away or exchanged just now")
        return false
    }

    /// The store's marker if this catalog may delete by it. A doubt about Redis is written into the marker, and stays.
    ///
    /// - Parameters:
    ///   - found: read before `catalog` was: others write the mark, and a process that slept between the two would take
    ///     its own past for a loss.
    private func trusted(
        _ found: StoreMarker?, of storage: any ImageStorage, _ catalog: CatalogState
    ) async throws -> StoreMarker? {
        guard var marker = found else {
            refuse(storage, "it has no marker; is its folder mounted?")
            return nil
        }
        guard let reason = marker.reasonToHold(catalog: catalog.id, sequence: catalog.sequence) else {
            guard marker.catalogId == catalogID else {
                refuse(storage, "it belongs to \(marker.catalogId), this process began with \(catalogID); restart it")
                return nil
            }
            return marker
        }
        // Another fleet's store is not ours to hold.
        if marker.heldBecause == nil, marker.catalogId == catalogID {
            marker.heldBecause = reason
            try await storage.updateMarker(marker)
        }
        refuse(storage, "\(reason) (`longshore doctor` says what to do)")
        return nil
    }

    private func isTrusted(_ storage: any ImageStorage) async throws -> Bool {
        let found = try await storage.marker()
        return try await trusted(found, of: storage, try await store.catalogState()) != nil
    }

    private func refuse(_ storage: any ImageStorage, _ reason: String) {
        logger.error("nothing is deleted from store '\(storage.id)': \(reason)")
    }

    /// The rare look at the whole store: what is old and was never named, such as the late write of a crashed loser.
    ///
    /// A Redis that has lost images finds them here, so this is what the limits are for: too many strays are named by
    /// nobody, and the next look counts them anew.
    package func nameStrays(in storage: any ImageStorage) async throws {
        guard try await isTrusted(storage) else { return }
        var listed = 0
        var count = 0
        var strays: [String] = []
        var cursor: String?
        repeat {
            let page = try await storage.list(after: cursor)
            let old = page.objects.filter { $0.age >= limits.strayAge }.map(\.key.description)
            let found = try await store.strays(among: old, in: storage.id)
            listed += page.objects.count
            count += found.count
            strays += found.prefix(limits.maxDelete - strays.count)
            cursor = page.next
        } while cursor != nil
        guard count > 0 else { return }
        guard count <= limits.maxDelete, Double(count) <= limits.maxShare * Double(listed) else {
            logger.error(
                """
                strays are kept in store '\(storage.id)': \(count) of its \(listed) objects are named by no image. \
                If Redis is complete, raise sweep.max-delete or sweep.max-share; they are counted again in a day
                """)
            return
        }
        // A Redis that was emptied meanwhile names nothing at all.
        guard try await isTrusted(storage) else { return }
        // The script leaves alone what has been named since.
        for first in stride(from: 0, to: strays.count, by: 1000) {
            try await store.nameGarbage(strays[first..<min(first + 1000, strays.count)].map { (storage.id, $0) })
        }
        logger.notice("found strays in store '\(storage.id)'", metadata: ["strays": "\(count)", "of": "\(listed)"])
    }
}
