import Foundation
import HTTPTypes
import Hummingbird
import ImageCatalog
import ImageStorage
import ImportModel
import LeaseStore

/// The fleet as a whole: locks, workers, the queue, stores.
struct FleetController: Sendable {
    let store: LeaseStore
    let shelf: StoreShelf
    let patience: Duration

    /// Of the live tasks so many are shown.
    private static let maxShown = 10_000

    func add(to routes: inout RouteTable) {
        let base = "/longshore/v1"
        routes.get(base + "/locks") { _, context in
            try .fleet(try await locks(for: context.caller))
        }
        routes.get(base + "/workers") { _, context in
            try admit(context.caller, .fleetGetWorkers)
            return try .fleet(try await workers())
        }
        routes.get(base + "/queue") { _, context in
            try admit(context.caller, .fleetGetQueue)
            return try .fleet(try await store.queueStats().queue)
        }
        for (word, isPaused) in [("pause", true), ("resume", false)] {
            routes.on(.post, base + "/queue/" + word) { _, context in
                try admit(context.caller, .fleetSetQueue)
                try await LeaseStore.insist(for: patience) { try await store.setPaused(isPaused) }
                return try .fleet(try await store.queueStats().queue)
            }
        }
        routes.get(base + "/stores") { _, context in
            try admit(context.caller, .fleetGetStores)
            return try .fleet(
                shelf.stores.map { store in
                    StoreView(
                        id: store.id, type: store.storage.kind, isDefault: store.id == shelf.defaultStore,
                        description: store.description)
                })
        }
    }

    private func locks(for caller: Caller) async throws -> [LockView] {
        let tasks = try await store.tasks(after: nil, count: Self.maxShown, liveOnly: true)
        // No script is asked for the time; hosts whose clocks differ show ages that differ by as much.
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        return tasks.filter { caller.may(.fleetGetLocks, $0) }.map { LockView($0, now: now, settings: store.settings) }
    }

    private func workers() async throws -> [ProcessView] {
        let live = try await store.tasks(after: nil, count: Self.maxShown, liveOnly: true)
        var running: [ProcessID: [TaskID]] = [:]
        for task in live where task.state == .processing {
            if let worker = task.worker { running[worker, default: []].append(task.id) }
        }
        return try await store.processes().map { process in
            ProcessView(
                id: process.id, role: process.role, host: process.host, pid: process.pid, version: process.version,
                concurrency: process.concurrency, stores: process.stores, running: running[process.id] ?? [],
                startedAtMs: process.startedAtMs, seenAtMs: process.seenAtMs)
        }
    }

    private func admit(_ caller: Caller, _ action: PolicyAction) throws {
        guard caller.may(action) else { throw caller.refusal(action, to: action.help) }
    }
}
