import Glibc
import ImageStorage
import ImportModel

extension ObjectTree {
    /// A page is one prefix folder, in order; the cursor is its name.
    func list(after cursor: String?) throws(StorageError) -> ObjectPage {
        try requireStore()
        do {
            let top = try OpenFile(folderAt: root)
            let objects = try OpenFile(Self.objects, in: top, O_RDONLY | O_DIRECTORY)
            let prefixes = try objects.names(Self.objects).sorted().filter { $0 > cursor ?? "" }
            guard let prefix = prefixes.first else { return ObjectPage(objects: [], next: nil) }
            return ObjectPage(
                objects: try Self.contents(of: prefix, in: objects), next: prefixes.count > 1 ? prefix : nil)
        } catch {
            // Nothing was ever written, or the last object went while we looked.
            if error.code == ENOENT { return ObjectPage(objects: [], next: nil) }
            throw error.fault(of: store, root: root)
        }
    }

    private static func contents(
        of prefix: String, in objects: borrowing OpenFile
    ) throws(SystemError) -> [StoredObject] {
        var found: [StoredObject] = []
        try ignoring([ENOENT, ENOTDIR, ELOOP]) { () throws(SystemError) in
            let folder = try OpenFile(prefix, in: objects, O_RDONLY | O_DIRECTORY)
            for name in try folder.names(prefix).sorted() {
                guard let image = ImageID(rawValue: name) else { continue }
                try ignoring([ENOENT, ENOTDIR, ELOOP]) { () throws(SystemError) in
                    let folder = try OpenFile(name, in: folder, O_RDONLY | O_DIRECTORY)
                    found += try files(of: image, in: folder)
                }
            }
        }
        return found
    }

    /// What the files of one image amount to: a committed object stands for all files of its key.
    private static func files(of image: ImageID, in folder: borrowing OpenFile) throws(SystemError) -> [StoredObject] {
        var found: [ObjectKey: StoredObject] = [:]
        for name in try folder.names(image.rawValue) {
            var base = name
            for suffix in [partSuffix, descriptionSuffix] where name.hasSuffix(suffix) {
                base = String(name.dropLast(suffix.count))
            }
            guard let nonce = Nonce(rawValue: base) else { continue }
            var status = stat()
            guard fstatat(folder.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            let key = ObjectKey(image: image, nonce: nonce)
            let object = StoredObject(
                key: key, sizeBytes: Int64(status.st_size), age: age(of: status), isCommitted: base == name)
            switch found[key] {
            case .some(let other) where other.isCommitted: continue
            case .some(let other) where !object.isCommitted:
                // A part and a description of one that crashed in commit: together they are one unfinished object.
                found[key] = StoredObject(
                    key: key, sizeBytes: max(other.sizeBytes, object.sizeBytes), age: min(other.age, object.age),
                    isCommitted: false)
            default: found[key] = object
            }
        }
        return found.values.sorted { $0.key.description < $1.key.description }
    }

    private static func age(of status: stat) -> Duration {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let seconds = now.tv_sec - status.st_mtim.tv_sec
        return max(.seconds(seconds) + .nanoseconds(now.tv_nsec - status.st_mtim.tv_nsec), .zero)
    }
}
