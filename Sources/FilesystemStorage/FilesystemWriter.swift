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
        /// `nil` once committed or abandoned, and before there is one.
        var file: OpenFile?
        /// What has to be copied first.
        var beginning: FileBeginning?
        var written: Int64 = 0
        /// Up to here the disk has been set to work.
        var begun: Int64 = 0
        /// Up to here it has done it.
        var flushed: Int64 = 0
        /// Why bytes that were taken may be lost. The kernel says it once, to whoever asks first.
        var fault: SystemError?
    }

    /// So much is written before the disk is set to work on it; twice as much is in the page cache at most.
    ///
    /// The final `fsync` is short then. And the pages are used again at once, for the next bytes of some import: a page
    /// that is new to the cache costs more than the copy into it, and pushes out what somebody reads.
    private static let windowBytes: Int64 = 4 << 20

    init(key: ObjectKey, file: consuming OpenFile, tree: ObjectTree, threads: StoreThreads) {
        self.key = key
        self.tree = tree
        self.threads = threads
        state = Mutex(State(file: file))
    }

    /// For a file that begins like another one; it is made by the first `catchUp`.
    init(key: ObjectKey, beginning: consuming FileBeginning, tree: ObjectTree, threads: StoreThreads) {
        self.key = key
        self.tree = tree
        self.threads = threads
        state = Mutex(State(file: nil, beginning: beginning))
    }

    var checkpointUnit: Int64? { 1 }

    func catchUp(_ copied: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) async throws(StorageError) -> Bool {
        try await threads.run { [self] () throws(StorageError) in
            try state.withLock { state throws(StorageError) in try catchUp(&state, copied) }
        }
    }

    private func catchUp(
        _ state: inout State, _ copied: (UnsafeRawBufferPointer) -> Void
    ) throws(StorageError) -> Bool {
        guard var beginning = state.beginning.take() else { return false }
        if state.file == nil { state.file = try tree.createPart(key) }
        let hasMore: Bool
        do throws(SystemError) {
            hasMore = try state.file?.take(from: &beginning, key.description, copied) ?? false
            state.written = beginning.done
            try flush(&state)
        } catch {
            state.fault = error
            throw error.fault(of: tree.store, root: tree.root)
        }
        if hasMore { state.beginning = consume beginning }
        return hasMore
    }

    func checkpoint(at offset: Int64) async throws(StorageError) -> UnfinishedObject? {
        try await threads.run { [self] () throws(StorageError) in
            let isThere = try state.withLock { state throws(StorageError) in
                try requireNoFault(state)
                return state.file != nil && state.written >= offset
            }
            // Opened once more, so that writing goes on meanwhile; and what the disk could not do is told to either.
            guard isThere, let file = try tree.openPart(key, ofAtLeast: offset) else { return nil }
            do throws(SystemError) { try file.syncData(key.description) } catch {
                state.withLock { $0.fault = error }
                throw error.fault(of: tree.store, root: tree.root)
            }
            // What was told to a write before it was opened.
            try state.withLock { state throws(StorageError) in try requireNoFault(state) }
            return UnfinishedObject(key: key.description)
        }
    }

    private func requireNoFault(_ state: borrowing State) throws(StorageError) {
        if let fault = state.fault { throw fault.fault(of: tree.store, root: tree.root) }
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
        try? await threads.run { [self] () throws(StorageError) in
            state.withLock { state in
                state.file = nil
                state.beginning = nil
            }
        }
    }

    private func append(_ block: ByteBuffer, to state: inout State) throws(StorageError) {
        guard state.file != nil else { throw closed }
        try requireNoFault(state)
        let offset = state.written
        let outcome: Result<Void, SystemError> = block.withUnsafeReadableBytes { bytes in
            do throws(SystemError) {
                try state.file?.write(bytes, at: offset, key.description)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        do throws(SystemError) {
            try outcome.get()
            state.written += Int64(block.readableBytes)
            if state.written - state.begun >= Self.windowBytes { try flush(&state) }
        } catch {
            state.fault = error
            throw error.fault(of: tree.store, root: tree.root)
        }
    }

    /// Sets the disk to work on what is new, waits for what it was set to before, and lets the page cache forget that.
    private func flush(_ state: inout State) throws(SystemError) {
        try state.file?.beginFlush(state.begun..<state.written, key.description)
        // Of a range without bytes the call would take the rest of the file.
        if state.begun > state.flushed { try state.file?.endFlush(state.flushed..<state.begun, key.description) }
        (state.flushed, state.begun) = (state.begun, state.written)
    }

    private func finish(_ description: ObjectDescription, _ state: inout State) throws(StorageError) {
        guard let file = state.file.take() else { throw closed }
        try requireNoFault(state)
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
        file.forget(0..<state.written)
        Failpoint.reach(.objectWritten)
        try tree.publish(key, description: json)
    }

    private var closed: StorageError {
        .unavailable(tree.store, reason: "writing \(key) was given up or has ended")
    }
}
