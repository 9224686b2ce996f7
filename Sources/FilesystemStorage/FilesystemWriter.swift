import Foundation
import Glibc
import ImageStorage
import ImportModel
import NIOCore
import Synchronization

/// An object in the making: a file with a name of its own until `commit` links it to the object's.
final class FilesystemWriter: ObjectWriter {
    private let key: ObjectKey
    private let tree: ObjectTree
    private let threads: StoreThreads
    /// Held during system calls, on the store's threads only: giving up waits for a write that is under way.
    private let state: Mutex<State>

    private struct State: ~Copyable {
        /// `nil` once committed or abandoned.
        var file: OpenFile?
        var written: Int64 = 0
        var flushed: Int64 = 0
    }

    /// So much may lie in the page cache before the disk is set to work; the final `fsync` is short then.
    private static let flushBytes: Int64 = 8 << 20

    init(key: ObjectKey, file: consuming OpenFile, tree: ObjectTree, threads: StoreThreads) {
        self.key = key
        self.tree = tree
        self.threads = threads
        state = Mutex(State(file: file))
    }

    func write(_ block: ByteBuffer) async throws(StorageError) {
        try await threads.run { [self] () throws(StorageError) in
            try state.withLock { state throws(StorageError) in try append(block, to: &state) }
        }
    }

    func commit(_ description: ObjectDescription) async throws(StorageError) {
        try await threads.run { [self] () throws(StorageError) in
            try state.withLock { state throws(StorageError) in try finish(description, &state) }
        }
    }

    func abandon() async {
        // Closing has nothing to report: the bytes stay where they are for the sweeper.
        try? await threads.run { [self] () throws(StorageError) in state.withLock { $0.file = nil } }
    }

    private func append(_ block: ByteBuffer, to state: inout State) throws(StorageError) {
        guard state.file != nil else { throw closed }
        let offset = state.written
        let outcome: Result<Void, SystemError> = block.withUnsafeReadableBytes { bytes in
            do throws(SystemError) {
                try state.file?.write(bytes, at: offset, key.description)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        do throws(SystemError) { try outcome.get() } catch { throw error.fault(of: tree.store, root: tree.root) }
        state.written += Int64(block.readableBytes)
        if state.written - state.flushed >= Self.flushBytes, let descriptor = state.file?.descriptor {
            // On Linux this advice starts the writing of dirty pages and does not wait for it.
            posix_fadvise(descriptor, off_t(state.flushed), off_t(state.written - state.flushed), POSIX_FADV_DONTNEED)
            state.flushed = state.written
        }
    }

    private func finish(_ description: ObjectDescription, _ state: inout State) throws(StorageError) {
        guard let file = state.file.take() else { throw closed }
        guard description.sizeBytes == state.written else {
            throw .unavailable(
                tree.store,
                reason: "\(state.written) bytes of \(key) were written and \(description.sizeBytes) announced")
        }
        let json: [UInt8]
        do { json = Array(try FleetJSON.encode(description)) } catch {
            throw .unavailable(tree.store, reason: "the description of \(key) cannot be written as JSON: \(error)")
        }
        do throws(SystemError) { try file.sync(key.description) } catch {
            throw error.fault(of: tree.store, root: tree.root)
        }
        Failpoint.reach(.objectWritten)
        try tree.publish(key, description: json)
    }

    private var closed: StorageError {
        .unavailable(tree.store, reason: "writing \(key) was given up or has ended")
    }
}
