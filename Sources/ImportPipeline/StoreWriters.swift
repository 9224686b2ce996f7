import ImageStorage
import ImportModel
import NIOCore
import Synchronization

/// The stores of one run: who takes bytes still, who failed, who has them.
final class StoreWriters: Sendable {
    private let targets: [any ImageStorage]
    private let key: ObjectKey
    private let mustAll: Bool
    private let gate: any WriteGate
    private let state = Mutex(State())

    private struct State {
        var writers: [StoreID: any ObjectWriter] = [:]
        var failures: [StoreID: StorageError] = [:]
        var committed: Set<StoreID> = []
    }

    init(targets: [any ImageStorage], key: ObjectKey, mustAll: Bool, gate: any WriteGate) {
        self.targets = targets
        self.key = key
        self.mustAll = mustAll
        self.gate = gate
    }

    /// Those that have not failed.
    var open: [StoreID] { state.withLock { state in state.writers.keys.filter { state.failures[$0] == nil } } }
    var failures: [StoreID: StorageError] { state.withLock(\.failures) }
    var locations: [StoreID: String] {
        state.withLock { state in Dictionary(uniqueKeysWithValues: state.committed.map { ($0, key.description) }) }
    }

    func open(expectedBytes: Int64?) async throws {
        for target in targets {
            try await gate.pass()
            do throws(StorageError) {
                let writer = try await target.create(key, expectedBytes: expectedBytes)
                Failpoint.reach(.objectOpened)
                state.withLock { $0.writers[target.id] = writer }
            } catch {
                try fail(target.id, error)
            }
        }
    }

    /// Writes what the queue brings to one store. A store that fails, and is not needed, leaves the queue.
    func write(_ queue: BlockQueue, to store: StoreID) async throws {
        guard let writer = state.withLock({ $0.writers[store] }) else { return }
        while let block = try await queue.pop() {
            try await gate.pass()
            do throws(StorageError) {
                try await writer.write(block)
                Failpoint.reach(.blockWritten)
            } catch {
                try fail(store, error)
                queue.leave()
                await writer.abandon()
                return
            }
        }
    }

    func commit(_ description: ObjectDescription) async throws {
        let writers = state.withLock { state in state.writers.filter { state.failures[$0.key] == nil } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (store, writer) in writers {
                group.addTask { [self] in
                    try Task.checkCancellation()
                    try await gate.pass()
                    do throws(StorageError) {
                        Failpoint.reach(.commitBegun)
                        try await writer.commit(description)
                        Failpoint.reach(.commitDone)
                        state.withLock { _ = $0.committed.insert(store) }
                    } catch {
                        try fail(store, error)
                        await writer.abandon()
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Gives up everything that is not committed.
    func abandon() async {
        for writer in state.withLock({ Array($0.writers.values) }) { await writer.abandon() }
    }

    /// Notes the failure, and throws if the run cannot do without the store.
    private func fail(_ store: StoreID, _ error: StorageError) throws {
        let failures = state.withLock { state in
            state.failures[store] = error
            return state.failures
        }
        if mustAll { throw PipelineError.storage(store, error) }
        if failures.count == targets.count { throw PipelineError.noStoreLeft(failures) }
    }
}
