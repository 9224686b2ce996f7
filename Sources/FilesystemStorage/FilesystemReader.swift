import Glibc
import ImageStorage
import ImportModel
import NIOCore
import Synchronization

/// An open object, read by offset. Its file is closed when the last body that reads it is dropped.
final class FilesystemReader: Sendable {
    private let key: ObjectKey
    private let descriptor: CInt
    private let tree: ObjectTree
    private let threads: StoreThreads

    private let spares = Mutex(SpareBlocks())

    private static let blockBytes: Int64 = 1 << 20

    init(key: ObjectKey, file: consuming OpenFile, tree: ObjectTree, threads: StoreThreads) {
        self.key = key
        descriptor = file.release()
        self.tree = tree
        self.threads = threads
    }

    deinit {
        // The last owner may be on an event loop, where nothing may block.
        threads.later { [descriptor] in close(descriptor) }
    }

    func size() async throws(StorageError) -> Int64 {
        try await threads.run { [self] () throws(StorageError) in
            var status = stat()
            do throws(SystemError) {
                try SystemError.check("stat", key.description) { fstat(descriptor, &status) }
            } catch {
                throw error.fault(of: tree.store, root: tree.root)
            }
            return Int64(status.st_size)
        }
    }

    /// At most one block from the start of `range`.
    func read(_ range: Range<Int64>) async throws(StorageError) -> ByteBuffer {
        let count = Int(min(range.upperBound - range.lowerBound, Self.blockBytes))
        return try await threads.run { [self] () throws(StorageError) in
            var block = spares.withLock { $0.take(capacity: count) }
            var code: CInt = 0
            block.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
                while true {
                    let done = pread(descriptor, space.baseAddress, count, off_t(range.lowerBound))
                    if done >= 0 { return done }
                    code = errno
                    if code != EINTR { return 0 }
                    code = 0
                }
            }
            if code != 0 {
                throw SystemError(code: code, call: "read", name: key.description)
                    .fault(of: tree.store, root: tree.root)
            }
            guard block.readableBytes > 0 else {
                throw .unavailable(tree.store, reason: "object \(key) ends before byte \(range.lowerBound)")
            }
            spares.withLock { $0.lend(block) }
            return block
        }
    }
}
