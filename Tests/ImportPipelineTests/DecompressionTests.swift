import Foundation
import ImageStorage
import ImportModel
@testable import ImportPipeline
import NIOCore
import Synchronization
import StorageConformance
import TestSupport
import Testing

/// Compressed images on their way through a whole pipeline, into real stores.
@Suite struct DecompressionTests {
    private static func fixture(
        stores: [String] = ["main"], _ body: (Fixture, CompressedFiles) async throws -> Void
    ) async throws {
        try await CompressedFiles.with { files in
            try await Fixture.with(stores: stores) { given in
                var fixture = given
                fixture.decompression = DecompressionLimits()
                try await body(fixture, files)
            }
        }
    }

    private func pieces(_ bytes: [UInt8], of size: Int = 65_521) -> [ByteBuffer] {
        stride(from: 0, to: bytes.count, by: size).map { start in
            ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)])
        }
    }

    @Test(arguments: CompressedFormat.allCases)
    func `what is stored, digested and counted is what was compressed`(format: CompressedFormat) async throws {
        try await Self.fixture(stores: ["one", "two"]) { fixture, files in
            let plain = CompressedFiles.plain(2_500_000)
            let packed = try files.make(format.usual, of: plain)
            let content = try await fixture.run(pieces(packed), expectedBytes: Int64(packed.count))
            let all = ByteBuffer(bytes: plain)
            #expect(content.sizeBytes == Int64(plain.count))
            #expect(content.digests == digests(of: all))
            for target in fixture.targets {
                var stored = ByteBuffer()
                for try await block in try await target.read(fixture.key, range: nil) {
                    stored.writeImmutableBuffer(block)
                }
                #expect(stored == all)
            }
            try await eventually { try openDescriptors(containing: fixture.root).isEmpty }
        }
    }

    @Test func `what is not compressed passes as it is, with its announced size`() async throws {
        for bytes in [[], [1], CompressedFiles.plain(3 << 20)] {
            try await Self.fixture { fixture, _ in
                let content = try await fixture.run(pieces(bytes), expectedBytes: Int64(bytes.count))
                #expect(content.sizeBytes == Int64(bytes.count))
                #expect(content.digests == digests(of: ByteBuffer(bytes: bytes)))
            }
        }
    }

    @Test func `nothing is decompressed unless it is configured`() async throws {
        try await Self.fixture { given, files in
            var fixture = given
            fixture.decompression = nil
            let packed = try files.make("gzip -c disk.raw", of: CompressedFiles.plain(1000))
            let content = try await fixture.run(pieces(packed))
            #expect(content.digests == digests(of: ByteBuffer(bytes: packed)))
        }
    }

    @Test(arguments: DigestAlgorithm.allCases)
    func `a checksum speaks of the bytes as received, with all that follows them`(
        algorithm: DigestAlgorithm
    ) async throws {
        let plain = CompressedFiles.plain(3 << 20)
        for isRight in [true, false] {
            try await Self.fixture { given, files in
                var fixture = given
                let packed = try files.make("gzip -c disk.raw; head -c 2M /dev/zero", of: plain)
                var digest = StreamDigest(algorithm)
                digest.update(ByteBuffer(bytes: isRight ? packed : plain))
                let expected = try ExpectedDigest(parsing: "\(algorithm.rawValue):\(digest.finalize())")
                fixture.expected = expected
                let running = fixture
                if isRight {
                    let content = try await running.run(pieces(packed))
                    #expect(content.digests == digests(of: ByteBuffer(bytes: plain)))
                    return
                }
                var actual = StreamDigest(algorithm)
                actual.update(ByteBuffer(bytes: packed))
                await #expect(
                    throws: PipelineError.digestMismatch(
                        expected: expected, actual: "\(algorithm.rawValue):\(actual.finalize())")
                ) { try await running.run(pieces(packed)) }
                try await fixture.expectNothingThere()
            }
        }
    }

    @Test(arguments: CompressedFormat.allCases)
    func `a cut file leaves nothing, and is told from a connection that broke`(format: CompressedFormat) async throws {
        try await Self.fixture { fixture, files in
            let packed = try files.make(format.usual, of: CompressedFiles.plain(3 << 20))
            let cut = pieces(Array(packed.dropLast(5)))
            for expectedBytes in [nil, Int64(packed.count - 5)] {
                let reason = await refusal { _ = try await fixture.again().run(cut, expectedBytes: expectedBytes) }
                #expect(reason?.contains("the \(format.rawValue) data ends before its end") == true)
            }
            let whole = Int64(packed.count)
            await #expect(throws: PipelineError.tooShort(expected: whole, received: whole - 5)) {
                try await fixture.again().run(cut, expectedBytes: whole)
            }
            try await fixture.expectNothingThere()
        }
    }

    @Test(arguments: CompressedFormat.allCases)
    func `a bomb is refused by its ratio, and by the size that an image may have`(
        format: CompressedFormat
    ) async throws {
        try await Self.fixture { given, files in
            var fixture = given
            fixture.decompression?.ratioFreeBytes = 4 << 20
            let disk = "head -c 8M /dev/zero >disk.raw"
            let bomb = pieces(try files.make("\(disk); \(format.usual)"))
            let running = fixture
            let reason = await refusal { _ = try await running.run(bomb) }
            #expect(reason?.contains("more than 200 times its size") == true)
            try await fixture.expectNothingThere()
            fixture.decompression?.maxRatio = 1_000_000_000
            fixture.maxBytes = 5 << 20
            let bounded = fixture.again()
            await #expect(throws: PipelineError.tooLarge(limit: 5 << 20)) { try await bounded.run(bomb) }
            try await fixture.expectNothingThere()
        }
    }

    @Test func `a compressed nothing is as empty as a nothing`() async throws {
        try await Self.fixture { given, files in
            var fixture = given
            fixture.allowsEmpty = false
            let packed = pieces(try files.make("gzip -c disk.raw"))
            let running = fixture
            await #expect(throws: PipelineError.empty) { try await running.run(packed) }
            try await fixture.expectNothingThere()
        }
    }

    @Test func `bytes that only come out are progress, too`() async throws {
        try await Self.fixture { given, files in
            var fixture = given
            let told = Mutex<[Int64]>([])
            fixture.progress = { bytes in told.withLock { $0.append(bytes) } }
            let packed = try files.make("head -c 10M /dev/zero | gzip -c")
            _ = try await fixture.run([ByteBuffer(bytes: packed)])
            #expect(told.withLock(\.self) == Array(repeating: Int64(packed.count), count: 11))
        }
    }

    @Test func `a slow store holds back the source through the decompressor`() async throws {
        try await Self.fixture { given, files in
            var fixture = given
            let gate = CountingGate(lettingPass: 3)
            fixture.gate = gate
            // Stored deflate: a mebibyte in is about a mebibyte out.
            let packed = try files.make("head -c 24M /dev/urandom | gzip -1 -c")
            let asked = Mutex(0)
            var source = Pieces(pieces: pieces(packed, of: 1 << 20))
            source.onNext = { index in asked.withLock { $0 = index } }
            let running = (fixture, source)
            let run = Task { try await running.0.run(running.1) }
            for await _ in gate.waiting { break }
            // Five blocks are on their way to the store, of the sixth a part; two more wait, and one to be queued.
            try await eventually { asked.withLock { $0 } >= 8 }
            for _ in 0..<100 { await Task.yield() }
            #expect(asked.withLock { $0 } <= 10)
            run.cancel()
            await #expect(throws: CancellationError.self) { try await run.value }
            try await fixture.expectNothingThere()
        }
    }

    @Test func `an import that is cancelled while it decompresses ends at once and leaves nothing`() async throws {
        try await Self.fixture { given, files in
            var fixture = given
            let packed = pieces(try files.make("gzip -c disk.raw", of: CompressedFiles.plain(6 << 20)))
            let gate = CountingGate(lettingPass: 3)
            fixture.gate = gate
            let running = Task { [fixture] in try await fixture.run(packed) }
            for await _ in gate.waiting { break }
            running.cancel()
            await #expect(throws: CancellationError.self) { try await running.value }
            try await fixture.expectNothingThere()
        }
    }

    @Test func `errors of the source, of the lease and of a store come out as they are`() async throws {
        struct Broken: Error, Equatable {}
        try await Self.fixture { given, files in
            let packed = pieces(try files.make("xz -0 -c disk.raw", of: CompressedFiles.plain(6 << 20)))
            await #expect(throws: Broken()) {
                try await given.run(Pieces(pieces: Array(packed.dropLast()), failure: Broken()))
            }
            var gated = given.again()
            gated.gate = CountingGate(lettingPass: 3, then: Broken())
            let running = gated
            await #expect(throws: Broken()) { try await running.run(packed) }
            var failing = given.again()
            failing.targets = [FailingStorage(base: given.targets[0], point: .write(2))]
            let stored = failing
            await #expect(throws: PipelineError.self) { try await stored.run(packed) }
            try await given.expectNothingThere()
        }
    }
}
