import ImageStorage
import ImportModel
import NIOCore
import Synchronization

/// The stores of one run: who takes bytes still, who failed, who has them.
///
/// A store that hangs is like one that fails: nobody waits for it for longer than `patience`.
final class StoreWriters: Sendable {
    let targets: [any ObjectTarget]
    let key: ObjectKey
    private let mustAll: Bool
    private let isSecured: Bool
    let gate: any WriteGate
    let patience: StorePatience
    private let onCommit: @Sendable (StoreID) async throws -> Void
    private let begin = ContinuousClock.now
    let state = Mutex(State())

    struct State {
        /// Those that nobody is in a call of any more once its caller has returned: one that hangs is taken out.
        var writers: [StoreID: any ObjectWriter] = [:]
        var failures: [StoreID: StorageError] = [:]
        var committed: Set<StoreID> = []
    }

    /// - Parameter isSecured: whether another store has the bytes already, so that it is no failure to be left with none.
    init(
        targets: [any ObjectTarget], key: ObjectKey, mustAll: Bool, isSecured: Bool, gate: any WriteGate,
        patience: StorePatience,
        onCommit: @escaping @Sendable (StoreID) async throws -> Void
    ) {
        self.targets = targets
        self.key = key
        self.mustAll = mustAll
        self.isSecured = isSecured
        self.gate = gate
        self.patience = patience
        self.onCommit = onCommit
    }

    /// Those that have not failed.
    var open: [StoreID] { state.withLock { state in state.writers.keys.filter { state.failures[$0] == nil } } }
    var failures: [StoreID: StorageError] { state.withLock(\.failures) }
    var locations: [StoreID: String] {
        state.withLock { state in
            let keys = state.committed.map { ($0, (state.writers[$0]?.handedKey ?? key).description) }
            return Dictionary(uniqueKeysWithValues: keys)
        }
    }
    /// Where each of the stores allows checkpoints; one that does not is `nil`.
    var checkpointUnits: [Int64?] { state.withLock { state in state.writers.values.map(\.checkpointUnit) } }

    /// Opens the object in all stores at once: the source is connected already, and waits.
    func open(expectedBytes: Int64?) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for target in targets {
                group.addTask { [self] in
                    try Task.checkCancellation()
                    try await gate.pass()
                    let opened = try await call(target.id, "opening an object", within: patience.call) {
                        [key] () throws(StorageError) in
                        let writer = try await target.create(key, expectedBytes: expectedBytes)
                        Failpoint.reach(.objectOpened)
                        return writer
                    } cleaning: { writer in
                        await writer?.abandon()
                    }
                    if let opened { state.withLock { $0.writers[target.id] = opened } }
                }
            }
            try await group.waitForAll()
        }
    }

    /// Writes what the queue brings to one store. A store that fails, and is not needed, leaves the queue.
    ///
    /// - Parameters:
    ///   - start: how many bytes it has already.
    ///   - marks: where it has to say how to go on with what it has then.
    func write(_ queue: BlockQueue, to store: StoreID, from start: Int64, _ marks: StreamMarks?) async throws {
        guard let writer = state.withLock({ $0.writers[store] }) else { return }
        var position = start
        // What makes bytes last may take its time; writing goes on beside it.
        try await withThrowingTaskGroup(of: Void.self) { group in
            while let block = try await queue.pop() {
                if let marks, marks.isDue(position) {
                    group.addTask { [self, position] in
                        marks.add(store, await checkpoint(writer, of: store, at: position))
                    }
                }
                try await gate.pass()
                let written: Void? = try await call(store, "writing a block", within: patience.call) {
                    () throws(StorageError) in
                    try await writer.write(block)
                    Failpoint.reach(.blockWritten)
                } cleaning: { _ in
                    await writer.abandon()
                }
                guard written != nil else { return queue.leave() }
                position += Int64(block.readableBytes)
            }
        }
    }

    /// `nil` where there is none now: a store that is broken fails where it is written to, or committed.
    private func checkpoint(
        _ writer: any ObjectWriter, of store: StoreID, at offset: Int64
    ) async -> UnfinishedObject? {
        let ending = await patience.wait(for: store, "making what is written last", within: patience.call) {
            () throws(StorageError) in
            try await writer.checkpoint(at: offset)
        } cleaning: { _ in
        }
        guard case .ended(.success(let object)) = ending else { return nil }
        return object
    }

    /// Makes the object appear in all stores that have not failed.
    ///
    /// Where one store is enough, the others are waited for no longer than all has taken until then.
    func commit(_ description: ObjectDescription) async throws {
        let writers = state.withLock { state in state.writers.filter { state.failures[$0.key] == nil } }
        let latecomers = mustAll ? nil : Latecomers()
        defer { latecomers?.end() }
        // Another store has had it from the begin.
        if isSecured { latecomers?.wait(for: max(patience.call, begin.duration(to: .now))) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (store, writer) in writers {
                group.addTask { [self] in
                    try Task.checkCancellation()
                    try await gate.pass()
                    let done: Void? = try await call(
                        store, "committing the object", within: patience.commit, latecomers: latecomers
                    ) { () throws(StorageError) in
                        Failpoint.reach(.commitBegun)
                        try await writer.commit(description)
                        Failpoint.reach(.commitDone)
                    } cleaning: { _ in
                        await writer.abandon()
                        return
                    }
                    guard done != nil else { return }
                    state.withLock { _ = $0.committed.insert(store) }
                    latecomers?.wait(for: max(patience.call, begin.duration(to: .now)))
                    try await onCommit(store)
                }
            }
            try await group.waitForAll()
        }
    }

    /// Gives up everything that is not committed.
    func abandon() async {
        await withDiscardingTaskGroup { group in
            for (store, writer) in state.withLock(\.writers) {
                group.addTask { [self] in await abandon(writer, of: store) }
            }
        }
    }

    private func abandon(_ writer: any ObjectWriter, of store: StoreID) async {
        // Closing a file may hang like anything else. Why the run has failed is not to be held up by it, or it would
        // count as one that stands still.
        _ = await patience.wait(for: store, "closing an object", within: patience.grace) {
            await writer.abandon()
        } cleaning: { _ in
        }
    }

    /// Makes a call of a store. Returns its result, or `nil` where it failed and the run can do without the store.
    /// - Throws: `PipelineError`
    func call<Value: Sendable>(
        _ store: StoreID, _ what: String, within limit: Duration, latecomers: Latecomers? = nil,
        _ body: @escaping @Sendable () async throws(StorageError) -> Value,
        cleaning: @escaping @Sendable (Value?) async -> Void
    ) async throws -> Value? {
        switch await patience.wait(
            for: store, what, within: limit, latecomers: latecomers, body, cleaning: cleaning)
        {
        case .ended(.success(let value)):
            return value
        case .ended(.failure(let error)):
            // Given up at once: the others may run for long.
            if let writer = state.withLock({ $0.writers.removeValue(forKey: store) }) {
                await abandon(writer, of: store)
            }
            try fail(store, error)
        case .leftBehind(let error):
            // Giving up would wait for the call, which does it itself at its end.
            state.withLock { _ = $0.writers.removeValue(forKey: store) }
            try fail(store, error)
        }
        return nil
    }

    /// Notes the failure, and throws if the run cannot do without the store.
    private func fail(_ store: StoreID, _ error: StorageError) throws {
        let failures = state.withLock { state in
            state.failures[store] = error
            return state.failures
        }
        if mustAll { throw PipelineError.storage(store, error) }
        if failures.count == targets.count, !isSecured { throw PipelineError.noStoreLeft(failures) }
    }
}
