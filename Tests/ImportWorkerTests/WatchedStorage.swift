import ImageStorage
import ImportModel
import NIOCore
import StorageConformance
import Synchronization

@testable import ImportWorker

/// A real store that tells what is asked of it, and that hangs in every call of a kind until it is let go.
final class WatchedStorage: WrappingStorage {
    enum Point { case look, write, commit }

    let base: any ImageStorage
    private let point: Point
    private let calls = Mutex((looks: 0, writes: 0, commits: 0, deletes: 0))
    private let letGo = OneShot<Void>()

    init(_ base: any ImageStorage, hangingIn point: Point = .write) {
        self.base = base
        self.point = point
    }

    var looks: Int { calls.withLock(\.looks) }
    var writes: Int { calls.withLock(\.writes) }
    var commits: Int { calls.withLock(\.commits) }
    var deletes: Int { calls.withLock(\.deletes) }

    /// Lets all calls end, the ones that hang and those to come.
    func release() { letGo.fulfil() }

    func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        Writer(base: try await base.create(key, expectedBytes: expectedBytes), storage: self)
    }

    func delete(_ key: ObjectKey) async throws(StorageError) {
        calls.withLock { $0.deletes += 1 }
        try await base.delete(key)
    }

    func size(_ key: ObjectKey) async throws(StorageError) -> Int64? {
        calls.withLock { $0.looks += 1 }
        if point == .look { await hang() }
        return try await base.size(key)
    }

    /// As a system call that hangs, it does not end with the task that waits for it.
    private func hang() async { await Task { [letGo] in try? await letGo.wait() }.value }

    private struct Writer: ObjectWriter {
        let base: any ObjectWriter
        let storage: WatchedStorage

        func write(_ block: ByteBuffer) async throws(StorageError) {
            storage.calls.withLock { $0.writes += 1 }
            if storage.point == .write { await storage.hang() }
            try await base.write(block)
        }

        func commit(_ description: ObjectDescription) async throws(StorageError) {
            storage.calls.withLock { $0.commits += 1 }
            if storage.point == .commit { await storage.hang() }
            try await base.commit(description)
        }

        func abandon() async { await base.abandon() }
    }
}
