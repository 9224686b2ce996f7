import CFile
import Glibc

/// An open file or folder, closed when it goes out of scope. Calls block: for the store's own threads only.
struct OpenFile: ~Copyable, Sendable {
    let descriptor: CInt

    /// Opens `name` in `folder` (or by path where there is none); links are not followed below a folder.
    init(_ name: String, in folder: borrowing OpenFile, _ flags: CInt, mode: mode_t = 0o600) throws(SystemError) {
        descriptor = try SystemError.check("open", name) {
            openat(folder.descriptor, name, flags | O_CLOEXEC | O_NOFOLLOW, mode)
        }
    }

    init(folderAt path: String) throws(SystemError) {
        descriptor = try SystemError.check("open", path) { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    }

    deinit { close(descriptor) }

    /// The descriptor, to be closed by the caller.
    consuming func release() -> CInt {
        let descriptor = descriptor
        discard self
        return descriptor
    }

    func sync(_ name: String) throws(SystemError) {
        try SystemError.check("fsync", name) { fsync(descriptor) }
    }

    /// Has the disk write what is new in `range`, and does not wait for it.
    func beginFlush(_ range: Range<Int64>, _ name: String) throws(SystemError) {
        try flush(range, name, with: cfile_begin_flush)
    }

    /// Waits until the disk has what is new in `range`, and lets the page cache forget it. It is not durable yet.
    /// - Throws: what the disk refused, of which no later `sync` speaks again.
    func endFlush(_ range: Range<Int64>, _ name: String) throws(SystemError) {
        try flush(range, name, with: cfile_end_flush)
        forget(range)
    }

    /// Lets the page cache forget what of `range` the disk has.
    func forget(_ range: Range<Int64>) {
        posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_DONTNEED)
    }

    private func flush(
        _ range: Range<Int64>, _ name: String, with call: (CInt, off_t, off_t) -> CInt
    ) throws(SystemError) {
        do throws(SystemError) {
            try SystemError.check("write", name) { call(descriptor, off_t(range.lowerBound), off_t(range.count)) }
        } catch {
            // A kernel that has no such call leaves it all to `sync`.
            if ![ENOSYS, EINVAL, EOPNOTSUPP].contains(error.code) { throw error }
        }
    }

    /// Makes the bytes last, and the size that they give the file.
    func syncData(_ name: String) throws(SystemError) {
        try SystemError.check("fdatasync", name) { fdatasync(descriptor) }
    }

    /// Copies the next piece of another file's beginning; whether there is more.
    func take(
        from beginning: inout FileBeginning, _ name: String, _ copied: (UnsafeRawBufferPointer) -> Void
    ) throws(SystemError) -> Bool {
        try beginning.copy(to: self, name, copied)
    }

    /// Writes all of `bytes` at `offset`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64, _ name: String) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try SystemError.check("write", name) {
                pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            }
        }
    }

    /// Reads up to the size of `buffer` from `offset`; 0 at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64, _ name: String) throws(SystemError) -> Int {
        try SystemError.check("read", name) { pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// The names in this folder, in no order.
    func names(_ name: String) throws(SystemError) -> [String] {
        // `fdopendir` takes the descriptor over, so it gets one of its own.
        let own = try SystemError.check("open", name) { openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = fdopendir(own) else {
            let error = SystemError(code: errno, call: "read", name: name)
            close(own)
            throw error
        }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw SystemError(code: errno, call: "read", name: name) }
        return names
    }
}
