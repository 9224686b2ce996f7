import ImageStorage
import ImportModel
import NIOCore
import StorageConformance
import Synchronization

@testable import ImportWorker

/// A real store that holds so many bytes of an object, takes no more then, and says that it is full when it is told to.
final class FillingStorage: WrappingStorage {
    let base: any ImageStorage
    private let allowsContinuing: Bool
    private let room: Mutex<Int64>
    private let isFull = OneShot<Void>()

    init(_ base: any ImageStorage, room: Int64 = .max, allowsContinuing: Bool = true) {
        self.base = base
        self.allowsContinuing = allowsContinuing
        self.room = Mutex(room)
    }

    /// Whoever waits for room, now or later, is told that there is none.
    func refuse() { isFull.fulfil() }

    /// From now on everything fits.
    func makeRoom() { room.withLock { $0 = .max } }

    func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        Writer(base: try await base.create(key, expectedBytes: expectedBytes), storage: self, position: 0)
    }

    func resume(
        _ key: ObjectKey, _ unfinished: UnfinishedObject, at offset: Int64, expectedBytes: Int64?
    ) async throws(StorageError) -> (any ObjectWriter)? {
        guard let writer = try await base.resume(key, unfinished, at: offset, expectedBytes: expectedBytes)
        else { return nil }
        return Writer(base: writer, storage: self, position: offset)
    }

    private func take(_ position: Int64) async throws(StorageError) {
        guard room.withLock({ position > $0 }) else { return }
        do { try await isFull.wait() } catch { throw .unavailable(id, reason: "nobody waits any more") }
        throw .full(id, reason: "it has room for \(room.withLock { $0 }) bytes")
    }

    private actor Writer: ObjectWriter {
        let base: any ObjectWriter
        let storage: FillingStorage
        private var position: Int64

        init(base: any ObjectWriter, storage: FillingStorage, position: Int64) {
            self.base = base
            self.storage = storage
            self.position = position
        }

        nonisolated var handedKey: ObjectKey? { base.handedKey }
        nonisolated var checkpointUnit: Int64? { storage.allowsContinuing ? base.checkpointUnit : nil }

        func catchUp(
            _ copied: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
        ) async throws(StorageError) -> Bool { try await base.catchUp(copied) }

        func write(_ block: ByteBuffer) async throws(StorageError) {
            position += Int64(block.readableBytes)
            try await storage.take(position)
            try await base.write(block)
        }

        func checkpoint(at offset: Int64) async throws(StorageError) -> UnfinishedObject? {
            try await base.checkpoint(at: offset)
        }

        func commit(_ description: ObjectDescription) async throws(StorageError) { try await base.commit(description) }

        func abandon() async { await base.abandon() }
    }
}
