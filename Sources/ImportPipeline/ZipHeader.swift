import NIOCore

/// The header in front of a zip's member, as far as it is needed. Names are not looked at, but for a folder's slash.
struct ZipHeader: Equatable {
    static let localMark: UInt32 = 0x0403_4B50
    /// A whole header has at most this many bytes.
    static let maxBytes = 30 + 2 * 65_535

    let isDeflated: Bool
    let flags: UInt16
    /// Whether CRC and sizes follow the data instead of standing here.
    let isDescribedBehind: Bool
    let crc: UInt32
    let packedBytes: UInt64
    let plainBytes: UInt64

    /// Reads a local header; `nil`, and nothing taken, when it is not all there.
    /// - Throws: `PipelineError.refusedCompression` for a member that is no plain file, or in no known form.
    static func read(from buffer: inout ByteBuffer) throws(PipelineError) -> ZipHeader? {
        var rest = buffer
        guard
            let (mark, _, flags, method) = rest.readMultipleIntegers(
                endianness: .little, as: (UInt32, UInt16, UInt16, UInt16).self),
            let (_, crc, packed, plain, nameBytes, extraBytes) = rest.readMultipleIntegers(
                endianness: .little, as: (UInt32, UInt32, UInt32, UInt32, UInt16, UInt16).self),
            let name = rest.readBytes(length: Int(nameBytes)), let extra = rest.readSlice(length: Int(extraBytes))
        else { return nil }
        guard mark == localMark else { throw .damagedZip }
        if name.last == UInt8(ascii: "/") { throw .refusedZip("its member is a folder") }
        // Options of deflate (1, 2), sizes behind the data (3), a name in UTF-8 (11).
        guard flags & ~0b1000_0000_1110 == 0 else {
            throw .refusedZip(flags & 1 == 1 ? "its member is encrypted" : "its member has the flags \(flags)")
        }
        guard method == 0 || method == 8 else {
            throw .refusedZip(
                "its member is compressed by method \(method), and only 0 (stored) and 8 (deflate) are read")
        }
        let isDescribedBehind = flags & 8 != 0
        if isDescribedBehind, method == 0 { throw .refusedZip("its member is stored and tells no size") }
        let long = longSizes(in: extra, plain: plain == .max, packed: packed == .max)
        if !isDescribedBehind, long == nil, plain == .max || packed == .max { throw .damagedZip }
        buffer = rest
        return ZipHeader(
            isDeflated: method == 8, flags: flags, isDescribedBehind: isDescribedBehind, crc: crc,
            packedBytes: packed == .max ? long?.packed ?? 0 : UInt64(packed),
            plainBytes: plain == .max ? long?.plain ?? 0 : UInt64(plain))
    }

    /// Sizes of 64 bits, which stand in an extra field for those of 32 bits that are all ones.
    static func longSizes(in extra: ByteBuffer, plain: Bool, packed: Bool) -> (plain: UInt64, packed: UInt64)? {
        var rest = extra
        while let (id, length) = rest.readMultipleIntegers(endianness: .little, as: (UInt16, UInt16).self),
            var field = rest.readSlice(length: Int(length))
        {
            guard id == 1 else { continue }
            var sizes: (plain: UInt64, packed: UInt64) = (0, 0)
            if plain {
                guard let size = field.readInteger(endianness: .little, as: UInt64.self) else { return nil }
                sizes.plain = size
            }
            if packed {
                guard let size = field.readInteger(endianness: .little, as: UInt64.self) else { return nil }
                sizes.packed = size
            }
            return sizes
        }
        return nil
    }
}

extension PipelineError {
    static var damagedZip: PipelineError {
        .refusedCompression(reason: "the zip data is damaged; check the source")
    }

    static func refusedZip(_ why: String) -> PipelineError {
        .refusedCompression(
            reason: "a zip must have exactly one file and nothing else, stored or deflated: \(why); make such a one")
    }
}
