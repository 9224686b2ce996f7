package import ImageStorage
import ImportModel
package import LeaseStore
package import Logging
import ServiceLifecycle

/// The online check: compares, now and then somewhere in the fleet, tasks with locks and indexes, images with tasks,
/// and what images name with what the stores hold. It should never find anything; what it finds is repaired where that
/// is safe, logged and counted. Also forgets finished tasks whose time is over.
package struct Auditor: Service {
    /// Images that one turn looks at, at most; all come by in rounds.
    private static let imagesATurn = 1000
    /// Images whose objects in one store one turn asks for, at most: these cost a request each.
    private static let objectsATurn = 100
    private static let batch = 100

    private let store: LeaseStore
    private let storages: [any ImageStorage]
    private let interval: Duration
    private let logger: Logger

    /// - Parameter storages: the stores whose objects are looked for.
    package init(store: LeaseStore, storages: [any ImageStorage], every interval: Duration, logger: Logger) {
        self.store = store
        self.storages = storages
        self.interval = interval
        self.logger = logger
    }

    package func run() async throws {
        // Errors are logged below: nothing but the graceful shutdown ends it.
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await auditRecordsInTurns() }
                group.addTask { await StoreRounds(storages: storages, interval: interval).run(auditObjectsInTurn) }
            }
        }
    }

    private func auditRecordsInTurns() async {
        // The sleep ends with an error once this is cancelled, and only then.
        while (try? await Task.sleep(for: interval * Double.random(in: 0.9...1.1))) != nil {
            do {
                if try await store.beginTurn("audit", every: interval) { try await auditRecords() }
            } catch is CancellationError {
                return
            } catch {
                logger.warning("the audit could not be made", metadata: ["reason": "\(error)"])
            }
        }
    }

    @Sendable private func auditObjectsInTurn(of storage: any ImageStorage) async {
        do {
            guard try await store.beginTurn("objects:\(storage.id)", every: interval) else { return }
            try await auditObjects(of: storage)
        } catch is CancellationError {
            // The end of all rounds.
        } catch {
            logger.warning(
                "objects of store '\(storage.id)' could not be looked at", metadata: ["reason": "\(error)"])
        }
    }

    /// One turn over what Redis holds.
    package func auditRecords() async throws {
        // Images first: a live task that `live` has lost comes back there, and is then looked at.
        for _ in 0..<Self.imagesATurn / Self.batch {
            let scan = try await store.scanImages(walk: "images", atMost: Self.batch)
            tell(try await store.auditImages(scan.ids))
            if scan.next == nil { break }
        }
        tell(try await store.auditTasks())
        while try await store.expireTasks() > 0 {}
    }

    /// One turn over what a store holds.
    package func auditObjects(of storage: any ImageStorage) async throws {
        let audit = ObjectAudit(store: store, storage: storage)
        try await audit.expectOwnStore()
        let scan = try await store.scanImages(walk: "objects:\(storage.id)", atMost: Self.objectsATurn)
        tell(try await audit.look(at: scan.ids))
    }

    private func tell(_ report: AuditReport) {
        for fault in report.faults {
            let fate = fault.invariant.isRepaired ? "repaired" : "not repaired: bring the object back, or import anew"
            logger.error("broken invariant \(fault.invariant.rawValue): \(fault.text) (\(fate))")
        }
        if report.ended > 0 { logger.warning("audit: \(report.ended) tasks were past their deadline") }
    }
}
