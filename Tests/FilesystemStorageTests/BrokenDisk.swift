import Foundation
import Synchronization

/// A disk that takes what is written and fails when it has to keep it.
enum BrokenDisk {
    private static let paths = Mutex<Set<String>>([])

    /// From now on nothing whose path begins so can be synced.
    static func `break`(_ path: String) { paths.withLock { _ = $0.insert(path) } }

    fileprivate static func holds(_ descriptor: CInt) -> Bool {
        guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(descriptor)")
        else { return false }
        return paths.withLock { $0.contains { path.hasPrefix($0) } }
    }
}

/// In the program of the tests this is `fsync`, before the C library's.
@_cdecl("fsync") func syncUnlessBroken(_ descriptor: CInt) -> CInt {
    if BrokenDisk.holds(descriptor) {
        errno = EIO
        return -1
    }
    return fdatasync(descriptor)
}

/// The same for the call by which bytes are written on the way; the kernel tells a failure once, to whoever asks first.
@_cdecl("sync_file_range") func flushUnlessBroken(
    _ descriptor: CInt, _ start: off_t, _ count: off_t, _ flags: CUnsignedInt
) -> CInt {
    if BrokenDisk.holds(descriptor) {
        errno = EIO
        return -1
    }
    return 0
}
