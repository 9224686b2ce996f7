import Foundation
import NIOCore
import TestSupport
import Testing

@testable import ImportPipeline

/// What each format's decoder makes of what real programs wrote, whole, joined, cut and damaged.
@Suite struct DecompressorTests {
    static let variants: [(CompressedFormat, String)] = [
        (.gzip, "gzip -1 -c disk.raw"), (.gzip, "gzip -9 -n -c disk.raw"),
        (.bzip2, "bzip2 -1 -c disk.raw"), (.bzip2, "bzip2 -9 -c disk.raw"),
        (.xz, "xz -0 -c disk.raw"), (.xz, "xz -9e -c disk.raw"), (.xz, "xz -T2 --block-size=65536 -c disk.raw"),
        (.xz, "xz --x86 --lzma2=preset=6 -C sha256 -c disk.raw"), (.xz, "xz -C none -c disk.raw"),
        (.zstd, "zstd -q -1 -c disk.raw"), (.zstd, "zstd -q --ultra -22 -c disk.raw"),
        (.zstd, "zstd -q --long=27 -c disk.raw"), (.zstd, "zstd -q --no-check -c <disk.raw"),
        (.zip, "zip -q x.zip disk.raw; cat x.zip"), (.zip, "zip -q -0 x.zip disk.raw; cat x.zip"),
        (.zip, "zip -q - disk.raw | cat"), (.zip, "zip -q - - <disk.raw | cat"),
        (.zip, "zip -q -fz - - <disk.raw | cat"), (.zip, "zip -q -fz x.zip disk.raw; cat x.zip"),
        (.zip, "echo a comment | zip -q -z x.zip disk.raw; cat x.zip"),
        (.zip, "mkdir a; cp disk.raw a; zip -q -D -r x.zip a; cat x.zip"),
        (.zip, "python3 -m zipfile -c x.zip disk.raw; cat x.zip"),
    ]

    @Test(arguments: variants)
    func `what programs compress comes back, in pieces of any size`(
        format: CompressedFormat, script: String
    ) async throws {
        try await CompressedFiles.with { files in
            // Piped, an empty file is one of those that tell no size.
            for size in script.hasPrefix("zip -q -") && script.hasSuffix("cat")
                ? [100, 200_000] : [0, 1, 100, 200_000]
            {
                let plain = CompressedFiles.plain(size)
                let packed = try files.make(script, of: plain)
                #expect(CompressedFormat(startOf: ByteBuffer(bytes: packed)) == format, "\(size) bytes")
                for pieceBytes in size <= 100 ? [1, 13] : [1021, 1 << 20] {
                    let pieces = stride(from: 0, to: packed.count, by: pieceBytes).map { start in
                        Array(packed[start..<min(start + pieceBytes, packed.count)])
                    }
                    #expect(try format.decompress(pieces) == plain, "\(size) bytes in pieces of \(pieceBytes)")
                }
            }
        }
    }

    @Test func `members that follow one another are one file`() async throws {
        try await CompressedFiles.with { files in
            let plain = CompressedFiles.plain(100_000)
            for format in [CompressedFormat.gzip, .bzip2, .xz, .zstd] {
                let member = try files.make(format.usual, of: plain)
                #expect(try format.decompress([member, member, member]) == plain + plain + plain, "\(format)")
            }
            let xz = try files.make("xz -c disk.raw", of: plain)
            #expect(try CompressedFormat.xz.decompress([xz, [0, 0, 0, 0], xz, [0, 0, 0, 0]]) == plain + plain)
            let zstd = try files.make("zstd -q -c disk.raw", of: plain)
            let skipped: [UInt8] = [0x5A, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]
            #expect(CompressedFormat(startOf: ByteBuffer(bytes: skipped)) == .zstd)
            #expect(try CompressedFormat.zstd.decompress([skipped, zstd, skipped, zstd]) == plain + plain)
        }
    }

    @Test func `what follows is treated as the formats' own programs treat it`() async throws {
        try await CompressedFiles.with { files in
            let plain = CompressedFiles.plain(1000)
            for format in [CompressedFormat.gzip, .bzip2] {
                let packed = try files.make(format.usual, of: plain)
                for tail in [[0, 0, 0], Array("garbage".utf8), Array(packed.prefix(1))] {
                    #expect(try format.decompress([packed, tail]) == plain, "\(format) and \(tail)")
                }
            }
            for format in [CompressedFormat.xz, .zstd] {
                let packed = try files.make(format.usual, of: plain)
                let reason = await refusal { _ = try format.decompress([packed, Array("garbage, more of it".utf8)]) }
                #expect(reason == "the \(format.rawValue) data is damaged; check the source")
            }
            let zip = try files.make(CompressedFormat.zip.usual, of: plain)
            let reason = await refusal { _ = try CompressedFormat.zip.decompress([zip, [0]]) }
            #expect(reason?.contains("something stands behind its end") == true)
        }
    }

    @Test(arguments: CompressedFormat.allCases)
    func `data that is cut anywhere is refused`(format: CompressedFormat) async throws {
        try await CompressedFiles.with { files in
            let packed = try files.make(format.usual, of: CompressedFiles.plain(300))
            for count in 0..<packed.count {
                let reason = await refusal { _ = try format.decompress([Array(packed[..<count])]) }
                #expect(
                    reason?.contains("ends before its end") == true,
                    "\(count) of \(packed.count) bytes: \(reason ?? "")")
            }
        }
    }

    @Test(arguments: CompressedFormat.allCases)
    func `no damaged bit passes for data`(format: CompressedFormat) async throws {
        try await CompressedFiles.with { files in
            let plain = CompressedFiles.plain(300)
            let packed = try files.make(format.usual, of: plain)
            var refused = 0
            for place in packed.indices {
                var damaged = packed
                damaged[place] ^= 1 << (place % 8)
                do {
                    let result = try format.decompress([damaged])
                    // Names and times are of no consequence; so is what a broken mark of a second member would be.
                    #expect(result == plain, "byte \(place)")
                } catch is PipelineError {
                    refused += 1
                }
            }
            #expect(refused > packed.count / 2)
        }
    }

    @Test func `memory beyond the limit is refused in every member, and the setting is named`() async throws {
        try await CompressedFiles.with { files in
            let plain = CompressedFiles.plain(100_000)
            let small = try files.make("xz -0 -c disk.raw", of: plain)
            let large = try files.make("xz --lzma2=preset=0,dict=512MiB -c disk.raw", of: plain)
            let wide = try files.make("zstd -q --ultra -1 --long=30 --no-check -c <disk.raw", of: plain)
            let narrow = try files.make("zstd -q -c disk.raw", of: plain)
            for (format, pieces) in [
                (CompressedFormat.xz, [large]), (.xz, [small, large]), (.zstd, [wide]), (.zstd, [narrow, wide]),
            ] {
                let reason = await refusal { _ = try format.decompress(pieces) }
                #expect(reason?.contains("more memory than 128 MiB") == true)
                #expect(reason?.contains("import.decompress.max-memory") == true)
            }
            var limits = DecompressionLimits()
            limits.maxMemoryBytes = 1 << 30
            #expect(try CompressedFormat.xz.decompress([small, large], limits) == plain + plain)
            limits.maxMemoryBytes = 2 << 30
            #expect(try CompressedFormat.zstd.decompress([wide], limits) == plain)
            limits.maxMemoryBytes = 1 << 20
            let usual = try files.make("xz -9 -c disk.raw", of: plain)
            #expect(await refusal { _ = try CompressedFormat.xz.decompress([usual], limits) } != nil)
        }
    }

    @Test func `more output for an input than the ratio allows is refused, but not in a small image`() async throws {
        try await CompressedFiles.with { files in
            var limits = DecompressionLimits()
            limits.ratioFreeBytes = 4 << 20
            for (format, command) in [
                (CompressedFormat.gzip, "gzip -c"), (.bzip2, "bzip2 -c"), (.xz, "xz -c"), (.zstd, "zstd -q -c"),
            ] {
                let small = try files.make("head -c 4M /dev/zero | \(command)")
                #expect(try format.count([small], limits) == 4 << 20)
                let bomb = try files.make("head -c 6M /dev/zero | \(command)")
                let reason = await refusal { _ = try format.count([bomb], limits) }
                #expect(reason?.contains("more than 200 times its size") == true)
                #expect(reason?.contains("import.decompress.max-ratio") == true)
                var free = limits
                free.maxRatio = 1_000_000_000
                #expect(try format.count([bomb], free) == 6 << 20)
            }
        }
    }

    @Test func `members of nothing take their turns, and the time of a processor has an end`() async throws {
        try await CompressedFiles.with { files in
            var limits = DecompressionLimits()
            for (format, command) in [
                (CompressedFormat.gzip, "gzip -n -c"), (.bzip2, "bzip2 -c"), (.zstd, "zstd -q -c"),
            ] {
                let member = try files.make("\(command) </dev/null")
                let input = ByteBuffer(bytes: (0..<1000).flatMap { _ in member })
                limits.maxTime = .seconds(3600)
                var decompressor = try Decompressor(format, limits, blockBytes: 1 << 20)
                let step = try decompressor.step(input, isLast: false)
                #expect(!step.isOver && step.rest.readableBytes > 900 * member.count, "\(format)")
                limits.maxTime = .zero
                decompressor = try Decompressor(format, limits, blockBytes: 1 << 20)
                let reason = await refusal { _ = try decompressor.step(input, isLast: false) }
                #expect(reason?.contains("import.decompress.max-time") == true, "\(format)")
            }
        }
    }

    @Test func `the time of all steps counts together`() async throws {
        try await CompressedFiles.with { files in
            var limits = DecompressionLimits()
            limits.maxRatio = 1_000_000
            limits.maxTime = .milliseconds(20)
            var decompressor = try Decompressor(.gzip, limits, blockBytes: 1 << 20)
            var input = ByteBuffer(bytes: try files.make("head -c 1G /dev/zero | gzip -1 -c"))
            var steps = 0
            let reason = await refusal {
                while input.readableBytes > 0 {
                    input = try decompressor.step(input, isLast: false).rest
                    steps += 1
                }
            }
            #expect(reason?.contains("import.decompress.max-time") == true && steps > 0, "\(steps)")
        }
    }

    @Test func `only one layer is taken off, and only of what bears a mark`() async throws {
        try await CompressedFiles.with { files in
            let inner = try files.make("gzip -c disk.raw", of: CompressedFiles.plain(1000))
            let outer = try files.make("gzip -c disk.raw", of: inner)
            #expect(try CompressedFormat.gzip.decompress([outer]) == inner)
            for start in ["", "B", "BZh9 is no mark", "\u{1F}", "PK\u{3}", "QFI\u{FB}", "(µ/ý"] {
                #expect(CompressedFormat(startOf: ByteBuffer(string: start)) == nil, "\(start)")
            }
        }
    }
}
