package import ImageStorage
package import ImportModel
import NIOCore
package import NIOPosix

/// A store in a folder, local or shared between hosts.
///
/// Every system call runs on the threads given, which should be this store's alone: a file server that hangs must not
/// hold up other stores. How files are laid out is told in `ObjectTree`.
package struct FilesystemStorage: ImageStorage {
    package let id: StoreID
    package let kind = "filesystem"
    private let tree: ObjectTree
    private let threads: StoreThreads

    /// Does nothing yet: a folder that is missing is created by `setMarker` alone, so that a file system that is not
    /// mounted is noticed instead of being replaced by an empty folder.
    ///
    /// - Parameters:
    ///   - root: absolute path of the folder.
    ///   - threads: running; two to four threads serve a worker well.
    package init(id: StoreID, root: String, threads: NIOThreadPool) {
        self.id = id
        tree = ObjectTree(store: id, root: root)
        self.threads = StoreThreads(store: id, pool: threads)
    }

    package func create(_ key: ObjectKey, expectedBytes: Int64?) async throws(StorageError) -> any ObjectWriter {
        let (tree, threads) = (tree, threads)
        return try await threads.run { () throws(StorageError) in
            try tree.requireSpace(for: expectedBytes ?? 0)
            return FilesystemWriter(key: key, file: try tree.createPart(key), tree: tree, threads: threads)
        }
    }

    /// The beginning is copied: who has begun the other file may be frozen, and write to it when it wakes.
    package func resume(
        _ key: ObjectKey, _ unfinished: UnfinishedObject, at offset: Int64, expectedBytes: Int64?
    ) async throws(StorageError) -> (any ObjectWriter)? {
        guard let begun = ObjectKey(unfinished.key), begun != key else { return nil }
        let (tree, threads) = (tree, threads)
        return try await threads.run { () throws(StorageError) in
            guard let file = try tree.openPart(begun, ofAtLeast: offset) else { return nil }
            try tree.requireSpace(for: expectedBytes ?? offset)
            return FilesystemWriter(
                key: key, beginning: FileBeginning(file: file, count: offset), tree: tree, threads: threads)
        }
    }

    package func read(_ key: ObjectKey, range: Range<Int64>?) async throws(StorageError) -> ObjectBody {
        let (tree, threads) = (tree, threads)
        let reader = try await threads.run { () throws(StorageError) in
            FilesystemReader(key: key, file: try tree.openObject(key), tree: tree, threads: threads)
        }
        let size = try await reader.size()
        return ObjectBody(sizeBytes: size, range: (range ?? 0..<size).clamped(to: 0..<size)) {
            rest throws(StorageError) in try await reader.read(rest)
        }
    }

    package func size(_ key: ObjectKey) async throws(StorageError) -> Int64? {
        let tree = tree
        return try await threads.run { () throws(StorageError) in try tree.size(key) }
    }

    package func delete(_ key: ObjectKey) async throws(StorageError) {
        let tree = tree
        try await threads.run { () throws(StorageError) in try tree.remove(key) }
    }

    package func list(after cursor: String?) async throws(StorageError) -> ObjectPage {
        let tree = tree
        return try await threads.run { () throws(StorageError) in try tree.list(after: cursor) }
    }

    package func marker() async throws(StorageError) -> StoreMarker? {
        let tree = tree
        return try await threads.run { () throws(StorageError) in try tree.readMarker() }
    }

    package func setMarker(_ marker: StoreMarker, ifAbsent: Bool) async throws(StorageError) {
        let tree = tree
        try await threads.run { () throws(StorageError) in try tree.writeMarker(marker, ifAbsent: ifAbsent) }
    }

    package func check() async throws(StorageError) {
        let tree = tree
        try await threads.run { () throws(StorageError) in try tree.check() }
    }
}
