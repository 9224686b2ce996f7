import Glibc

/// The first bytes of another's unfinished file, to be copied piece by piece.
struct FileBeginning: ~Copyable, Sendable {
    let file: OpenFile
    let count: Int64
    private(set) var done: Int64 = 0

    init(file: consuming OpenFile, count: Int64) {
        self.file = file
        self.count = count
    }

    /// So much is copied at once; in between, whoever waits can be told of it, and give up.
    private static let pieceBytes: Int64 = 32 << 20

    /// Copies the next piece; whether there is more.
    mutating func copy(
        to target: borrowing OpenFile, _ name: String, _ copied: (UnsafeRawBufferPointer) -> Void
    ) throws(SystemError) -> Bool {
        let end = min(done + Self.pieceBytes, count)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while done < end {
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(Int(min(end - done, 1 << 20))))
            let read = try file.read(into: room, at: done, name)
            // It had as many bytes when it was opened, and nobody makes such a file shorter.
            guard read > 0 else { throw SystemError(code: EIO, call: "read", name: name) }
            try target.write(UnsafeRawBufferPointer(rebasing: room[..<read]), at: done, name)
            copied(UnsafeRawBufferPointer(rebasing: room[..<read]))
            done += Int64(read)
        }
        return done < count
    }
}
