import Foundation
import Glibc
package import NIOCore
import NIOPosix

/// Where a download goes: a file that appears under its name only when it is whole, or standard output.
///
/// Writes happen on the thread pool, one after the other.
package final class FileWriter: Sendable {
    private let descriptor: CInt
    /// The name while the file is not whole, and the final one; absent for standard output.
    private let paths: (partial: String, final: String)?

    package static let standardOutput = FileWriter(descriptor: STDOUT_FILENO, paths: nil)

    /// Begins a file beside `path`, whose folder must exist.
    package static func begin(_ path: String) async throws -> FileWriter {
        try await NIOThreadPool.singleton.runIfActive {
            let url = URL(fileURLWithPath: path)
            var isFolder = ObjCBool(false)
            if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue {
                throw LocalFileError("'\(SafeText.line(path))' is a folder; give the name of a file")
            }
            let mark = UInt32.random(in: .min ... .max)
            let partial = url.deletingLastPathComponent().path + "/.\(url.lastPathComponent).\(mark).part"
            let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else {
                throw LocalFileError("'\(SafeText.line(path))' cannot be written: \(String(cString: strerror(errno)))")
            }
            return FileWriter(descriptor: descriptor, paths: (partial, url.path))
        }
    }

    private init(descriptor: CInt, paths: (String, String)?) {
        self.descriptor = descriptor
        self.paths = paths
    }

    deinit { if paths != nil { close(descriptor) } }

    package func write(_ piece: ByteBuffer) async throws {
        try await NIOThreadPool.singleton.runIfActive { [descriptor] in
            try piece.withUnsafeReadableBytes { bytes in
                var done = 0
                while done < bytes.count {
                    let written = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
                    if written < 0 && errno == EINTR { continue }
                    if written < 0 && errno == EPIPE { throw OutputClosed() }
                    guard written > 0 else {
                        throw LocalFileError("the download cannot be written: \(String(cString: strerror(errno)))")
                    }
                    done += written
                }
            }
        }
    }

    /// Gives the file its name; what had it before is replaced.
    package func finish() async throws {
        guard let paths else { return }
        try await NIOThreadPool.singleton.runIfActive { [descriptor] in
            guard fsync(descriptor) == 0, rename(paths.partial, paths.final) == 0 else {
                throw LocalFileError(
                    "'\(SafeText.line(paths.final))' cannot be written: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// Removes what was written. Removing one name is short, and it must happen after a cancellation as well.
    package func discard() {
        if let paths { unlink(paths.partial) }
    }
}
