import CDecompress
import NIOCore

/// A decoder of one of the C libraries.
final class LibraryDecoder: StreamDecoder {
    private let state: OpaquePointer
    private let format: CompressedFormat
    private let limits: DecompressionLimits

    init(_ algorithm: Int32, of format: CompressedFormat, _ limits: DecompressionLimits) throws(PipelineError) {
        guard let state = cdecompress_open(algorithm, UInt64(max(0, limits.maxMemoryBytes))) else { throw .noMemory }
        self.state = state
        self.format = format
        self.limits = limits
    }

    deinit { cdecompress_close(state) }

    func decode(
        _ input: inout ByteBuffer, into output: inout ByteBuffer, room: Int, isLast: Bool
    ) throws(PipelineError) -> Bool {
        let available = input.readableBytes
        var taken = available
        var given = room
        var answer = CDECOMPRESS_MORE
        input.withUnsafeReadableBytes { source in
            _ = output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                answer = cdecompress_step(
                    state, source.baseAddress, &taken, target.baseAddress, &given, isLast ? 1 : 0)
                return given
            }
        }
        input.moveReaderIndex(forwardBy: taken)
        switch answer {
        case CDECOMPRESS_END: return true
        // With input and room something moves; whoever says otherwise would be asked for ever.
        case CDECOMPRESS_MORE where taken > 0 || given > 0 || available == 0: return false
        case CDECOMPRESS_TRUNCATED:
            throw .refusedCompression(
                reason: "the \(format.rawValue) data ends before its end; check that the source is whole")
        case CDECOMPRESS_OVER_LIMIT:
            throw .refusedCompression(
                reason: "decompressing the \(format.rawValue) data takes more memory than "
                    + "\(limits.maxMemoryBytes >> 20) MiB; compress it with a smaller dictionary or window, or raise "
                    + "import.decompress.max-memory")
        case CDECOMPRESS_NO_MEMORY: throw .noMemory
        default:
            throw .refusedCompression(reason: "the \(format.rawValue) data is damaged; check the source")
        }
    }
}
