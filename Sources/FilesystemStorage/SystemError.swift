import Glibc
import ImageStorage
import ImportModel

/// A system call that failed, before it is told as a fault of a store.
struct SystemError: Error {
    let code: CInt
    let call: String
    let name: String

    /// Repeats `body` while it is interrupted; a negative result is the error in `errno`.
    @discardableResult
    static func check<Result: SignedInteger>(
        _ call: String, _ name: String, _ body: () -> Result
    ) throws(SystemError) -> Result {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw SystemError(code: code, call: call, name: name) }
        }
    }

    /// What the failure means for `store`, whose folder is `root`.
    func fault(of store: StoreID, root: String) -> StorageError {
        let what = "\(call) \(name) in \(root): \(String(cString: strerror(code)))"
        switch code {
        case ENOSPC, EDQUOT:
            return .full(store, reason: what)
        case EACCES, EPERM:
            return .misconfigured(
                store, reason: "\(what); give user \(geteuid()) the right to read and write the folder")
        case EROFS:
            return .misconfigured(store, reason: "\(what); mount the file system writable")
        case ENOENT, ENOTDIR, ELOOP:
            return .misconfigured(
                store, reason: "\(what); mount the store's file system, and put no links or files of your own into it")
        case EFBIG:
            return .misconfigured(store, reason: "\(what); raise the limit on the size of files")
        case EMFILE, ENFILE:
            return .unavailable(store, reason: "\(what); raise the limit on open files")
        default:
            return .unavailable(store, reason: what)
        }
    }
}
