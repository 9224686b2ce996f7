import Foundation
import NIOCore
import TestSupport
import Testing

@testable import ImportPipeline

/// A zip has one file, and whoever reads it, from whichever end, finds that one.
@Suite struct ZipTests {
    @Test(arguments: [
        ("cp disk.raw b; zip -q x.zip disk.raw b; cat x.zip", "several members"),
        ("cp disk.raw b; zip -q - disk.raw b | cat", "several members"),
        ("head -c 400000 /dev/urandom >b; zip -q x.zip disk.raw b; cat x.zip", "more stands behind its first member"),
        ("mkdir a; cp disk.raw a; zip -q -r x.zip a; cat x.zip", "a folder"),
        ("zip -q -P secret x.zip disk.raw; cat x.zip", "encrypted"),
        ("zip -q -Z bzip2 x.zip disk.raw; cat x.zip", "method 12"),
    ])
    func `a zip of anything but one plain file is refused`(script: String, why: String) async throws {
        try await CompressedFiles.with { files in
            let packed = try files.make(script, of: CompressedFiles.plain(100_000))
            let reason = await refusal { _ = try CompressedFormat.zip.decompress([packed]) }
            #expect(reason?.contains(why) == true, "\(reason ?? "no refusal")")
            #expect(reason?.contains("exactly one file") == true)
        }
    }

    @Test func `a directory that speaks of another member than the one in front is refused`() async throws {
        try await CompressedFiles.with { files in
            let plain = CompressedFiles.plain(2000)
            let one = try files.make(CompressedFormat.zip.usual, of: plain)
            let two = try files.make(CompressedFormat.zip.usual, of: plain.reversed())
            let member = try #require(Self.place(of: [0x50, 0x4B, 1, 2], in: one))
            let other = try #require(Self.place(of: [0x50, 0x4B, 1, 2], in: two))
            let reason = await refusal {
                _ = try CompressedFormat.zip.decompress([Array(one[..<member]), Array(two[other...])])
            }
            #expect(reason?.contains("another member") == true)
            // A second zip behind the first one: programs that begin at the end would read that.
            let behind = await refusal { _ = try CompressedFormat.zip.decompress([one, two]) }
            #expect(behind?.contains("something stands behind its end") == true)
        }
    }

    @Test func `sizes beyond four gigabytes stand in longer fields, and are compared there`() throws {
        let packed: UInt64 = 5 << 30
        let plain: UInt64 = 6 << 30
        func trailer(packed: UInt64) -> ByteBuffer {
            var bytes = ByteBuffer()
            bytes.writeInteger(0x0807_4B50, endianness: .little, as: UInt32.self)
            bytes.writeInteger(7, endianness: .little, as: UInt32.self)
            for size in [packed, plain] { bytes.writeInteger(size, endianness: .little) }
            bytes.writeInteger(0x0201_4B50, endianness: .little, as: UInt32.self)
            for field: UInt16 in [45, 45, 8, 8] { bytes.writeInteger(field, endianness: .little) }
            for field: UInt32 in [0, 7, .max, .max] { bytes.writeInteger(field, endianness: .little) }
            for field: UInt16 in [0, 20, 0, 0, 0] { bytes.writeInteger(field, endianness: .little) }
            bytes.writeRepeatingByte(0, count: 8)
            for field: UInt16 in [1, 16] { bytes.writeInteger(field, endianness: .little) }
            for size in [plain, packed] { bytes.writeInteger(size, endianness: .little) }
            bytes.writeInteger(0x0605_4B50, endianness: .little, as: UInt32.self)
            for field: UInt16 in [0, 0, 1, 1] { bytes.writeInteger(field, endianness: .little) }
            for field: UInt32 in [66, .max] { bytes.writeInteger(field, endianness: .little) }
            bytes.writeInteger(0, endianness: .little, as: UInt16.self)
            return bytes
        }
        let header = ZipHeader(
            isDeflated: true, flags: 8, isDescribedBehind: true, crc: 0, packedBytes: 0, plainBytes: 0)
        let found = ZipTrailer(header: header, crc: 7, packedBytes: packed, plainBytes: plain)
        try found.check(trailer(packed: packed))
        // The same in 32 bits.
        #expect(throws: PipelineError.self) { try found.check(trailer(packed: packed - (4 << 30))) }
    }

    private static func place(of mark: [UInt8], in bytes: [UInt8]) -> Int? {
        bytes.indices.first { bytes[$0...].starts(with: mark) }
    }
}
