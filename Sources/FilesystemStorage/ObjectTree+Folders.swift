import Glibc
import ImageStorage
import ImportModel

extension ObjectTree {
    static let objects = "objects"

    /// The folders below the root that lead to the files of `key`.
    static func folders(of key: ObjectKey) -> [String] {
        let image = key.image.rawValue
        return [objects, String(image.prefix(2)), image]
    }

    /// Does `work` in the folder that holds the files of `key`.
    ///
    /// The sweeper may remove an empty folder between its making and its use, so a folder that is missing is made again.
    /// Nothing is made in a root that is no store: it may be the place of a file system that is not mounted, where an
    /// object would be lost with the next mount.
    func inFolder<Value: ~Copyable>(
        of key: ObjectKey, creating: Bool, _ work: (borrowing OpenFile) throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        var tries = creating ? 100 : 1
        while true {
            do {
                let top = try OpenFile(folderAt: root)
                if creating { try requireMarker(in: top) }
                let middle = try enter(Self.folders(of: key)[0], in: top, creating: creating)
                let prefix = try enter(Self.folders(of: key)[1], in: middle, creating: creating)
                let folder = try enter(Self.folders(of: key)[2], in: prefix, creating: creating)
                return try work(folder)
            } catch {
                tries -= 1
                if error.code != ENOENT || [root, Self.markerName].contains(error.name) || tries == 0 { throw error }
            }
        }
    }

    private func enter(
        _ name: String, in folder: borrowing OpenFile, creating: Bool
    ) throws(SystemError) -> OpenFile {
        if creating {
            try Self.ignoring([EEXIST]) { () throws(SystemError) in
                try SystemError.check("mkdir", name) { mkdirat(folder.descriptor, name, 0o700) }
            }
        }
        return try OpenFile(name, in: folder, O_RDONLY | O_DIRECTORY)
    }

    /// Makes the names of the folders above the files of `key` durable.
    func syncParents(of key: ObjectKey) throws(SystemError) {
        let top = try OpenFile(folderAt: root)
        let objects = try OpenFile(Self.objects, in: top, O_RDONLY | O_DIRECTORY)
        let prefix = try OpenFile(Self.folders(of: key)[1], in: objects, O_RDONLY | O_DIRECTORY)
        try prefix.sync(Self.folders(of: key)[1])
        try objects.sync(Self.objects)
        try top.sync(".")
    }

    /// Tells a store that is not there, or not mounted, from a missing object.
    func requireStore() throws(StorageError) {
        do { try requireMarker(in: try OpenFile(folderAt: root)) } catch { throw error.fault(of: store, root: root) }
    }

    private func requireMarker(in top: borrowing OpenFile) throws(SystemError) {
        try SystemError.check("open", Self.markerName) { faccessat(top.descriptor, Self.markerName, F_OK, 0) }
    }

    func writeAll(_ bytes: [UInt8], to file: borrowing OpenFile, _ name: String) throws(SystemError) {
        // The closure of `withUnsafeBytes` cannot say what it throws.
        let outcome: Result<Void, SystemError> = bytes.withUnsafeBytes { bytes in
            do throws(SystemError) { return .success(try file.write(bytes, at: 0, name)) } catch {
                return .failure(error)
            }
        }
        try outcome.get()
        try file.sync(name)
    }

    static func ignoring(_ codes: Set<CInt>, _ call: () throws(SystemError) -> Void) throws(SystemError) {
        do { try call() } catch { if !codes.contains(error.code) { throw error } }
    }
}
