import Glibc
import ImageStorage
import ImportModel

/// How a store lies in its folder, and the blocking calls that read and change it.
///
///     longshore-store.json                   whose store it is
///     objects/4f/4f0c…-image/9a3b…-nonce       an object
///                            9a3b…-nonce.json  its description
///                            9a3b…-nonce.part  bytes that are no object yet
///
/// An object becomes visible by `link`, which refuses to overwrite on every file system, shared ones included. Folders
/// are walked one by one without following links, so that no key leads out of the root.
struct ObjectTree: Sendable {
    let store: StoreID
    let root: String

    static let partSuffix = ".part"
    static let descriptionSuffix = ".json"

    /// Refuses what cannot fit, so that a doomed transfer ends before it begins.
    func requireSpace(for bytes: Int64) throws(StorageError) {
        var status = statvfs()
        do throws(SystemError) {
            try SystemError.check("statvfs", ".") { statvfs(root, &status) }
        } catch {
            throw error.fault(of: store, root: root)
        }
        let free = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        if !free.overflow && free.partialValue < UInt64(max(bytes, 0)) {
            throw .full(store, reason: "\(bytes) bytes are needed and \(free.partialValue) are free in \(root)")
        }
    }

    /// A new file for the bytes of `key`, which nobody else holds.
    func createPart(_ key: ObjectKey) throws(StorageError) -> OpenFile {
        let name = key.nonce.rawValue
        do {
            return try inFolder(of: key, creating: true) { folder throws(SystemError) in
                if faccessat(folder.descriptor, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 {
                    throw SystemError(code: EEXIST, call: "open", name: name)
                }
                return try OpenFile(name + Self.partSuffix, in: folder, O_WRONLY | O_CREAT | O_EXCL)
            }
        } catch {
            throw error.code == EEXIST ? .exists(store, key) : error.fault(of: store, root: root)
        }
    }

    /// The bytes of `key` that are no object yet; `nil` where there are not so many.
    func openPart(_ key: ObjectKey, ofAtLeast count: Int64) throws(StorageError) -> OpenFile? {
        do {
            return try inFolder(of: key, creating: false) { folder throws(SystemError) in
                let file = try OpenFile(key.nonce.rawValue + Self.partSuffix, in: folder, O_RDONLY)
                var status = stat()
                try SystemError.check("stat", key.description) { fstat(file.descriptor, &status) }
                return Int64(status.st_size) >= count ? consume file : nil
            }
        } catch {
            try requireStore()
            if error.code == ENOENT { return nil }
            throw error.fault(of: store, root: root)
        }
    }

    func openObject(_ key: ObjectKey) throws(StorageError) -> OpenFile {
        do {
            return try inFolder(of: key, creating: false) { folder throws(SystemError) in
                try OpenFile(key.nonce.rawValue, in: folder, O_RDONLY)
            }
        } catch {
            try requireStore()
            throw error.code == ENOENT ? .notFound(store, key) : error.fault(of: store, root: root)
        }
    }

    func size(_ key: ObjectKey) throws(StorageError) -> Int64? {
        do {
            return try inFolder(of: key, creating: false) { folder throws(SystemError) in
                var status = stat()
                try SystemError.check("stat", key.description) {
                    fstatat(folder.descriptor, key.nonce.rawValue, &status, AT_SYMLINK_NOFOLLOW)
                }
                return Int64(status.st_size)
            }
        } catch {
            try requireStore()
            if error.code == ENOENT { return nil }
            throw error.fault(of: store, root: root)
        }
    }

    /// Makes the bytes of `key` an object. `file` has been synced.
    func publish(_ key: ObjectKey, description: [UInt8]) throws(StorageError) {
        let name = key.nonce.rawValue
        do {
            try inFolder(of: key, creating: false) { folder throws(SystemError) in
                // The description goes first: an object never lacks one.
                let sidecar = try OpenFile(name + Self.descriptionSuffix, in: folder, O_WRONLY | O_CREAT | O_EXCL)
                try writeAll(description, to: sidecar, name + Self.descriptionSuffix)
                try SystemError.check("link", key.description) {
                    linkat(folder.descriptor, name + Self.partSuffix, folder.descriptor, name, 0)
                }
                Failpoint.reach(.objectNamed)
                try SystemError.check("unlink", key.description + Self.partSuffix) {
                    unlinkat(folder.descriptor, name + Self.partSuffix, 0)
                }
                try folder.sync(key.image.rawValue)
            }
            try syncParents(of: key)
        } catch {
            switch error.code {
            case EEXIST: throw .exists(store, key)
            case ENOENT:
                try requireStore()
                throw .unavailable(store, reason: "the unfinished bytes of \(key) were removed while being written")
            default: throw error.fault(of: store, root: root)
            }
        }
    }

    /// Removes every file of `key`, and its folders where they are empty then.
    func remove(_ key: ObjectKey) throws(StorageError) {
        let name = key.nonce.rawValue
        do {
            try inFolder(of: key, creating: false) { folder throws(SystemError) in
                for file in [name, name + Self.descriptionSuffix, name + Self.partSuffix] {
                    try Self.ignoring([ENOENT]) { () throws(SystemError) in
                        try SystemError.check("unlink", file) { unlinkat(folder.descriptor, file, 0) }
                    }
                }
            }
            // A folder that somebody has just put a file into is not empty: `rmdir` leaves it.
            for path in [Self.folders(of: key), Self.folders(of: key).dropLast()] {
                try Self.ignoring([ENOENT, ENOTEMPTY, EEXIST]) { () throws(SystemError) in
                    let path = path.joined(separator: "/")
                    try SystemError.check("rmdir", path) { rmdir("\(root)/\(path)") }
                }
            }
        } catch {
            try requireStore()
            if error.code != ENOENT { throw error.fault(of: store, root: root) }
        }
    }
}
