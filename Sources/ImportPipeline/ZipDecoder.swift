import CDecompress
import NIOCore

/// Reads a zip with exactly one member, from its beginning to its end, without ever going back.
final class ZipDecoder: StreamDecoder {
    private enum Place {
        case header
        case data(ZipHeader)
        case trailer(ZipHeader)
    }

    private let deflate: LibraryDecoder
    private var place = Place.header
    /// A header or a trailer in the making.
    private var gathered = ByteBuffer()
    private var crc: UInt32 = 0
    private var packedBytes: UInt64 = 0
    private var plainBytes: UInt64 = 0

    init(_ limits: DecompressionLimits) throws(PipelineError) {
        deflate = try LibraryDecoder(CDECOMPRESS_DEFLATE, of: .zip, limits)
    }

    func decode(
        _ input: inout ByteBuffer, into output: inout ByteBuffer, room: Int, isLast: Bool
    ) throws(PipelineError) -> Bool {
        switch place {
        case .header:
            if isLast { throw .cutZip }
            try gather(&input, atMost: ZipHeader.maxBytes)
            if let header = try ZipHeader.read(from: &gathered) {
                // What was gathered too much comes from this input.
                input.moveReaderIndex(to: input.readerIndex - gathered.readableBytes)
                gathered = ByteBuffer()
                place = .data(header)
            }
        case .data(let header):
            if try decodeData(header, &input, into: &output, room: room, isLast: isLast) { place = .trailer(header) }
        case .trailer(let header):
            if isLast {
                try ZipTrailer(header: header, crc: crc, packedBytes: packedBytes, plainBytes: plainBytes)
                    .check(gathered)
                return true
            }
            try gather(&input, atMost: ZipTrailer.maxBytes)
            if input.readableBytes > 0 { throw .refusedZip("more stands behind its first member than a directory") }
        }
        return false
    }

    private func gather(_ input: inout ByteBuffer, atMost limit: Int) throws(PipelineError) {
        let count = min(input.readableBytes, limit - gathered.readableBytes)
        if var piece = input.readSlice(length: count) { gathered.writeBuffer(&piece) }
    }

    /// Returns whether the member is at its end.
    private func decodeData(
        _ header: ZipHeader, _ input: inout ByteBuffer, into output: inout ByteBuffer, room: Int, isLast: Bool
    ) throws(PipelineError) -> Bool {
        let (inputBefore, outputBefore) = (input.readableBytes, output.writerIndex)
        var isOver = false
        if header.isDeflated {
            isOver = try deflate.decode(&input, into: &output, room: room, isLast: isLast)
        } else {
            let left = header.packedBytes - packedBytes
            let count = min(room, input.readableBytes, Int(clamping: left))
            if isLast, left > 0 { throw .cutZip }
            if var piece = input.readSlice(length: count) { output.writeBuffer(&piece) }
            isOver = UInt64(count) == left
        }
        packedBytes += UInt64(inputBefore - input.readableBytes)
        plainBytes += UInt64(output.writerIndex - outputBefore)
        output.withUnsafeReadableBytes { bytes in
            let added = UnsafeRawBufferPointer(rebasing: bytes.suffix(output.writerIndex - outputBefore))
            crc = cdecompress_crc32(crc, added.baseAddress, added.count)
        }
        return isOver
    }
}
