import ImageStorage
import ImportModel
import NIOCore
import StorageConformance
import Synchronization

/// A store of which one call hangs, as a system call does: until it is let go, and whoever is cancelled.
final class HangingStorage: WrappingStorage {
    enum Point: Sendable { case create, write(Int), commit, abandon }

    let base: any ImageStorage
    private let point: Point
    private let state = Mutex(State())

    private struct State {
        var isReleased = false
        var hanging: [CheckedContinuation<Void, Never>] = []
        var writes = 0
    }

    init(_ base: any ImageStorage, in point: Point) {
        self.base = base
        self.point = point
    }

    var isHanging: Bool { state.withLock { !$0.hanging.isEmpty } }

    func release() {
        let hanging = state.withLock { state in
            state.isReleased = true
            defer { state.hanging = [] }
            return state.hanging
        }
        for call in hanging { call.resume() }
    }

    private func hang() async {
        await withCheckedContinuation { call in
            let mayGo = state.withLock { state in
                if !state.isReleased { state.hanging.append(call) }
                return state.isReleased
            }
            if mayGo { call.resume() }
        }
    }

    func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        if case .create = point { await hang() }
        return Writer(base: try await base.create(key, expectedBytes: expectedBytes), storage: self)
    }

    private struct Writer: ObjectWriter {
        let base: any ObjectWriter
        let storage: HangingStorage

        func write(_ block: ByteBuffer) async throws(StorageError) {
            let number = storage.state.withLock { state in
                defer { state.writes += 1 }
                return state.writes
            }
            if case .write(let from) = storage.point, number >= from { await storage.hang() }
            try await base.write(block)
        }
        func commit(_ description: ObjectDescription) async throws(StorageError) {
            if case .commit = storage.point { await storage.hang() }
            try await base.commit(description)
        }
        func abandon() async {
            if case .abandon = storage.point { await storage.hang() }
            await base.abandon()
        }
    }
}
