import NIOCore

/// What stands behind the data of a zip's only member: its CRC and sizes, where they are not in front, and a directory
/// of that one member.
///
/// Programs that begin at the directory, as most do, must find the member that was read here and no other; so all of it
/// is compared, up to the last byte.
struct ZipTrailer {
    /// A descriptor, a directory with one entry, the long and the short end record: more is not one member.
    static let maxBytes = 24 + (46 + 3 * 65_535) + 56 + 20 + (22 + 65_535)

    let header: ZipHeader
    let crc: UInt32
    let packedBytes: UInt64
    let plainBytes: UInt64

    /// - Parameter buffer: all that stands behind the member's data.
    func check(_ buffer: ByteBuffer) throws(PipelineError) {
        var rest = buffer
        if header.isDescribedBehind {
            try skipDescriptor(&rest)
        } else if header.crc != crc || header.packedBytes != packedBytes || header.plainBytes != plainBytes {
            throw .damagedZip
        }
        let directoryOffset = rest.readerIndex
        try checkEntry(&rest)
        try checkEnd(&rest, directoryBytes: rest.readerIndex - directoryOffset)
        guard rest.readableBytes == 0 else { throw .refusedZip("something stands behind its end") }
    }

    /// CRC and sizes; the mark in front of them and the width of the sizes are the writer's choice, so that only what
    /// follows tells which it was.
    private func skipDescriptor(_ rest: inout ByteBuffer) throws(PipelineError) {
        for hasMark in [true, false] {
            for isLong in [false, true] {
                var expected = ByteBuffer()
                if hasMark { expected.writeInteger(0x0807_4B50, endianness: .little, as: UInt32.self) }
                expected.writeInteger(crc, endianness: .little)
                for size in [packedBytes, plainBytes] {
                    if isLong {
                        expected.writeInteger(size, endianness: .little)
                    } else {
                        expected.writeInteger(UInt32(truncatingIfNeeded: size), endianness: .little)
                    }
                }
                var candidate = rest
                guard candidate.readSlice(length: expected.readableBytes) == expected else { continue }
                let mark = candidate.getInteger(at: candidate.readerIndex, endianness: .little, as: UInt32.self)
                guard mark == Self.entryMark || mark == ZipHeader.localMark else { continue }
                rest = candidate
                return
            }
        }
        throw .damagedZip
    }

    private static let entryMark: UInt32 = 0x0201_4B50

    private func checkEntry(_ rest: inout ByteBuffer) throws(PipelineError) {
        guard let mark = rest.readInteger(endianness: .little, as: UInt32.self) else { throw .cutZip }
        if mark == ZipHeader.localMark { throw .refusedZip("it has several members") }
        guard mark == Self.entryMark else { throw .damagedZip }
        guard
            let (_, _, flags, method, _, crc, packed, plain) = rest.readMultipleIntegers(
                endianness: .little, as: (UInt16, UInt16, UInt16, UInt16, UInt32, UInt32, UInt32, UInt32).self),
            let (nameBytes, extraBytes, commentBytes, _, _, _, offset) = rest.readMultipleIntegers(
                endianness: .little, as: (UInt16, UInt16, UInt16, UInt16, UInt16, UInt32, UInt32).self),
            rest.readSlice(length: Int(nameBytes)) != nil, let extra = rest.readSlice(length: Int(extraBytes)),
            rest.readSlice(length: Int(commentBytes)) != nil
        else { throw .cutZip }
        let long = ZipHeader.longSizes(in: extra, plain: plain == .max, packed: packed == .max)
        guard flags == header.flags, method == (header.isDeflated ? 8 : 0), crc == self.crc, offset == 0,
            (packed == .max ? long?.packed : UInt64(packed)) == packedBytes,
            (plain == .max ? long?.plain : UInt64(plain)) == plainBytes
        else { throw .refusedZip("its directory speaks of another member than the one that is there") }
    }

    private func checkEnd(_ rest: inout ByteBuffer, directoryBytes: Int) throws(PipelineError) {
        guard var mark = rest.readInteger(endianness: .little, as: UInt32.self) else { throw .cutZip }
        if mark == Self.entryMark { throw .refusedZip("it has several members") }
        if mark == 0x0606_4B50 {
            guard let bytes = rest.readInteger(endianness: .little, as: UInt64.self) else { throw .cutZip }
            // The record in its only version, then its locator.
            guard bytes == 44 else { throw .damagedZip }
            guard rest.readSlice(length: 44) != nil,
                let locator = rest.readInteger(endianness: .little, as: UInt32.self)
            else { throw .cutZip }
            guard locator == 0x0706_4B50 else { throw .damagedZip }
            guard rest.readSlice(length: 16) != nil,
                let next = rest.readInteger(endianness: .little, as: UInt32.self)
            else { throw .cutZip }
            mark = next
        }
        guard mark == 0x0605_4B50 else { throw .damagedZip }
        guard
            let (_, _, here, total, bytes, _, commentBytes) = rest.readMultipleIntegers(
                endianness: .little, as: (UInt16, UInt16, UInt16, UInt16, UInt32, UInt32, UInt16).self),
            rest.readSlice(length: Int(commentBytes)) != nil
        else { throw .cutZip }
        guard [1, .max].contains(here), [1, .max].contains(total), [UInt32(directoryBytes), .max].contains(bytes) else {
            throw .refusedZip("its directory does not have exactly one entry")
        }
    }
}

extension PipelineError {
    static var cutZip: PipelineError {
        .refusedCompression(reason: "the zip data ends before its end; check that the source is whole")
    }
}
