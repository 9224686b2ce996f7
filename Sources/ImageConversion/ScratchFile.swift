import Foundation
package import ImageStorage
import ImportModel
import NIOCore
import NIOPosix

/// A file without a name, for the bytes of one conversion. They go when nothing has it open any more: with its last
/// user, or with the process, however that ends.
package final class ScratchFile: Sendable {
    let descriptor: CInt
    private let folder: String
    let threads: NIOThreadPool

    private static let blockBytes: Int64 = 1 << 20

    /// Makes an empty file that only this user could open, and takes its name away.
    init(in folder: String, threads: NIOThreadPool) async throws {
        self.folder = folder
        self.threads = threads
        descriptor = try await threads.runIfActive {
            let name = "\(folder)/longshore-scratch-\(UUID().uuidString)"
            let descriptor = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Self.failure("no file can be made", folder, errno) }
            guard unlink(name) == 0 else {
                let code = errno
                close(descriptor)
                throw Self.failure("a file that was made cannot be removed", folder, code)
            }
            return descriptor
        }
    }

    deinit {
        // To give back the room of a large file takes its time.
        threads.submit { [descriptor] _ in close(descriptor) }
    }

    /// The bytes as they are now, from the first to the last.
    package func body() async throws(StorageError) -> ObjectBody {
        let size = try await sizeBytes()
        return ObjectBody(sizeBytes: size, range: 0..<size) { [self] range throws(StorageError) in
            try await run { [self] () throws(StorageError) in try read(range) }
        }
    }

    func sizeBytes() async throws(StorageError) -> Int64 {
        try await run { [self] () throws(StorageError) in try Int64(status().st_size) }
    }

    /// Runs `work` where it may block.
    func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        do {
            return try await threads.runIfActive(work)
        } catch let error as StorageError {
            throw error
        } catch {
            throw .unavailable(.scratch, reason: "\(error)")
        }
    }

    /// Whether bytes have come to it since; anything that changes when they do.
    func growth() -> Int64 {
        // A file that cannot be asked does not grow.
        (try? status()).map { Int64($0.st_blocks) } ?? 0
    }

    private func status() throws(StorageError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw fault(errno) }
        return status
    }

    private func read(_ range: Range<Int64>) throws(StorageError) -> ByteBuffer {
        let count = Int(min(range.upperBound - range.lowerBound, Self.blockBytes))
        var block = ByteBufferAllocator().buffer(capacity: count)
        var code: CInt = 0
        block.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { space in
            while true {
                let done = pread(descriptor, space.baseAddress, count, off_t(range.lowerBound))
                code = done < 0 ? errno : 0
                if done >= 0 || code != EINTR { return max(done, 0) }
            }
        }
        guard code == 0, block.readableBytes > 0 else { throw fault(code == 0 ? EIO : code) }
        return block
    }

    func write(_ block: ByteBuffer, at offset: Int64) throws(StorageError) {
        let code: CInt = block.withUnsafeReadableBytes { bytes in
            var done = 0
            while done < bytes.count {
                let count = pwrite(
                    descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset) + off_t(done))
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return count == 0 ? EIO : errno }
                done += count
            }
            return 0
        }
        if code != 0 { throw fault(code) }
    }

    private func fault(_ code: CInt) -> StorageError {
        let reason = "\(folder): \(String(cString: strerror(code)))"
        return switch code {
        case ENOSPC, EDQUOT, EFBIG:
            .full(.scratch, reason: "\(reason); it holds images while they are converted (import.scratch)")
        default: .unavailable(.scratch, reason: reason)
        }
    }

    private static func failure(_ what: String, _ folder: String, _ code: CInt) -> ConversionError {
        let reason = "\(what) in \(folder): \(String(cString: strerror(code)))"
        return code == ENOSPC || code == EDQUOT
            ? .passing("\(reason); make room there, or set import.scratch to another folder")
            : .machine("\(reason); make the folder writable, or set import.scratch to another one")
    }
}
