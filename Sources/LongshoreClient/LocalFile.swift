import Foundation
import Glibc
package import NIOCore
import NIOPosix

/// A file of this machine, read on the thread pool so that a slow disk stops nothing else.
package final class LocalFile: Sendable {
    package let path: String
    package let size: Int64
    private let descriptor: CInt

    /// Opens a regular file for reading.
    ///
    /// - Throws: `LocalFileError` when there is none that may be read.
    package static func open(_ path: String) async throws -> LocalFile {
        try await NIOThreadPool.singleton.runIfActive { try LocalFile(path: path) }
    }

    private init(path: String) throws(LocalFileError) {
        let shown = SafeText.line(path)
        // Without O_NONBLOCK, opening a pipe would wait for its writer.
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        self.path = path
        guard descriptor >= 0 else {
            throw LocalFileError("file '\(shown)' cannot be read: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw LocalFileError("'\(shown)' is not a regular file; give a disk image")
        }
        size = Int64(status.st_size)
    }

    deinit { close(descriptor) }

    /// Up to `count` bytes from `offset` on; fewer only at the file's end.
    package func read(at offset: Int64, count: Int) async throws -> ByteBuffer {
        try await NIOThreadPool.singleton.runIfActive { [self] in
            var buffer = ByteBuffer()
            while buffer.readableBytes < count {
                let missing = count - buffer.readableBytes
                let start = offset + Int64(buffer.readableBytes)
                let got = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: missing) { space in
                    var got = pread(descriptor, space.baseAddress, missing, off_t(start))
                    while got < 0 && errno == EINTR {
                        got = pread(descriptor, space.baseAddress, missing, off_t(start))
                    }
                    guard got >= 0 else {
                        throw LocalFileError(
                            "file '\(SafeText.line(path))' cannot be read at byte \(start): "
                                + String(cString: strerror(errno)))
                    }
                    return got
                }
                if got == 0 { break }
            }
            return buffer
        }
    }

    /// The whole file in pieces; `onProgress` is told the bytes handed out so far.
    package func chunks(onProgress: @escaping @Sendable (Int64) -> Void) -> FileChunks {
        FileChunks(file: self, onProgress: onProgress)
    }
}

/// A file's bytes in pieces of 1 MiB.
package struct FileChunks: AsyncSequence, Sendable {
    let file: LocalFile
    let onProgress: @Sendable (Int64) -> Void

    package struct AsyncIterator: AsyncIteratorProtocol {
        let chunks: FileChunks
        var offset: Int64 = 0

        package mutating func next() async throws -> ByteBuffer? {
            let file = chunks.file
            guard offset < file.size else { return nil }
            let wanted = Int(Swift.min(1 << 20, file.size - offset))
            let piece = try await file.read(at: offset, count: wanted)
            guard piece.readableBytes == wanted else {
                throw LocalFileError("file '\(SafeText.line(file.path))' became shorter while it was uploaded")
            }
            offset += Int64(wanted)
            chunks.onProgress(offset)
            return piece
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(chunks: self) }
}

/// A file of this machine that cannot be read or written; the message names it and says why.
package struct LocalFileError: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String
    init(_ message: String) { self.message = message }
    package var description: String { message }
}
