import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import ImportPipeline

/// Runs that leave checkpoints, and runs that go on from them.
@Suite struct CheckpointTests {
    private static let mebibyte = 1 << 20
    private static let whole = ByteBuffer(
        bytes: (0..<12 * mebibyte).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) })

    private struct Broken: Error {}

    @Test(arguments: [1, 700_001, mebibyte], ["md5", "sha256"])
    func `a run goes on from any checkpoint of another, with the same digests and the same verdict`(
        piece: Int, algorithm: String
    ) async throws {
        try await Fixture.with(stores: ["main", "other"]) { fixture in
            var fixture = fixture
            var digest = StreamDigest(try #require(DigestAlgorithm(rawValue: algorithm)))
            digest.update(Self.whole)
            fixture.expected = try ExpectedDigest(parsing: "\(algorithm):\(digest.finalize())")
            let kept = try await Self.checkpoints(of: fixture, until: 9 * Self.mebibyte, in: max(piece, 4096))
            try #require(!kept.isEmpty)
            for (checkpoint, fixture) in kept.map({ ($0, fixture.again(of: fixture.key.image)) }) {
                let content = try await Self.goOn(fixture, from: checkpoint)
                #expect(content.sizeBytes == Int64(Self.whole.readableBytes))
                #expect(content.digests == digests(of: Self.whole))
                for target in fixture.targets {
                    var stored = ByteBuffer()
                    for try await block in try await target.read(fixture.key, range: nil) {
                        stored.writeImmutableBuffer(block)
                    }
                    #expect(stored == Self.whole)
                }
            }
        }
    }

    @Test func `a checkpoint is small, is taken every so often, and never of the end`() async throws {
        try await Fixture.with { fixture in
            let kept = Mutex<[StreamCheckpoint]>([])
            let plan = CheckpointPlan(everyBytes: 4 << 20) { checkpoint in kept.withLock { $0.append(checkpoint) } }
            var rest = Self.whole
            var source = Pieces(pieces: (0..<12).compactMap { _ in rest.readSlice(length: Self.mebibyte) })
            source.onNext = { index in
                guard index == 8 else { return }
                while kept.withLock(\.isEmpty) { try await Task.sleep(for: .milliseconds(5)) }
            }
            _ = try await fixture.pipeline().checkpointed(by: plan, from: nil)
                .run(source, expectedBytes: Int64(Self.whole.readableBytes), description: describe)
            let checkpoints = kept.withLock(\.self)
            #expect(!checkpoints.isEmpty)
            let (step, end): (Int64, Int64) = (4 << 20, 12 << 20)
            var last: Int64 = 0
            for checkpoint in checkpoints {
                #expect(checkpoint.offset % Int64(Self.mebibyte) == 0 && checkpoint.offset < end)
                #expect(checkpoint.offset - last >= step)
                last = checkpoint.offset
                #expect(try JSONEncoder().encode(checkpoint).count < 8192)
            }
        }
    }

    @Test func `what cannot be gone on from is told before anything is read or written`() async throws {
        try await Fixture.with(stores: ["main", "other"]) { fixture in
            let checkpoint = try #require(
                try await Self.checkpoints(of: fixture, until: 9 * Self.mebibyte, in: Self.mebibyte).last)
            let next = fixture.again(of: fixture.key.image)
            var one = next
            one.targets = [next.targets[0]]
            var more = next
            more.expected = try ExpectedDigest(parsing: "sha256:" + String(repeating: "0", count: 64))
            var foreign = next
            foreign.key = ObjectKey(image: .random(), nonce: .mint())
            for fixture in [one, more, foreign] {
                await #expect(throws: CannotContinue.self) { try await Self.goOn(fixture, from: checkpoint) }
            }
            try await next.targets[1].delete(fixture.key)
            await #expect(throws: CannotContinue.self) { try await Self.goOn(next, from: checkpoint) }
            // Under the same key it can be begun anew.
            #expect(try await next.run([Self.whole]).digests == digests(of: Self.whole))
        }
    }

    @Test func `no checkpoint that was damaged makes an image with other bytes or digests`() async throws {
        try await Fixture.with { fixture in
            let kept = try await Self.checkpoints(of: fixture, until: 9 * Self.mebibyte, in: Self.mebibyte)
            let json = try JSONEncoder().encode(try #require(kept.last))
            var generator = SystemRandomNumberGenerator()
            for _ in 0..<300 {
                var damaged = json
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    let index = Int.random(in: 0..<damaged.count, using: &generator)
                    damaged[index] = try #require("0123456789abcdefAZ/[]{}\",:-".utf8.randomElement(using: &generator))
                }
                guard let checkpoint = try? JSONDecoder().decode(StreamCheckpoint.self, from: damaged) else { continue }
                let next = fixture.again(of: fixture.key.image)
                guard let content = try? await Self.goOn(next, from: checkpoint) else { continue }
                #expect(content.digests == digests(of: Self.whole) && content.sizeBytes == Self.whole.readableBytes)
            }
        }
    }

    /// What a run keeps before its source breaks.
    private static func checkpoints(
        of fixture: Fixture, until count: Int, in piece: Int
    ) async throws -> [StreamCheckpoint] {
        let kept = Mutex<[StreamCheckpoint]>([])
        let plan = CheckpointPlan(everyBytes: 2 << 20) { checkpoint in kept.withLock { $0.append(checkpoint) } }
        var pieces: [ByteBuffer] = []
        var rest = whole.getSlice(at: 0, length: count) ?? ByteBuffer()
        while let next = rest.readSlice(length: min(piece, rest.readableBytes)), next.readableBytes > 0 {
            pieces.append(next)
        }
        var source = Pieces(pieces: pieces, failure: Broken())
        let total = pieces.count
        source.onNext = { index in
            guard index == total else { return }
            // Before it breaks, what was begun is kept.
            while kept.withLock(\.isEmpty) { try await Task.sleep(for: .milliseconds(5)) }
        }
        await #expect(throws: Broken.self) {
            try await fixture.pipeline().checkpointed(by: plan, from: nil)
                .run(source, expectedBytes: Int64(whole.readableBytes), description: describe)
        }
        return kept.withLock(\.self)
    }

    private static func goOn(_ fixture: Fixture, from checkpoint: StreamCheckpoint) async throws -> ImportedContent {
        let plan = CheckpointPlan(everyBytes: 1 << 30) { _ in }
        let begin = Int(min(max(0, checkpoint.offset), Int64(whole.readableBytes)))
        let rest = whole.getSlice(at: begin, length: whole.readableBytes - begin) ?? ByteBuffer()
        return try await fixture.pipeline().checkpointed(by: plan, from: checkpoint)
            .run(Pieces(pieces: [rest]), expectedBytes: Int64(whole.readableBytes), description: describe)
    }
}

@Sendable private func describe(_ size: Int64, _ digests: ContentDigests) -> ObjectDescription {
    ObjectDescription(image: .random(), sizeBytes: size, digests: digests)
}

extension Fixture {
    fileprivate func pipeline() -> ImportPipeline {
        ImportPipeline(
            targets: targets, key: key, mustAll: mustAll,
            patience: StorePatience(stall: .seconds(60), mustAll: mustAll) { _ in }, expected: expected,
            threads: .singleton, gate: gate,
            progress: progress)
    }

    /// The same stores, for another attempt on an image.
    fileprivate func again(of image: ImageID) -> Fixture {
        var fixture = self
        fixture.key = ObjectKey(image: image, nonce: .mint())
        return fixture
    }
}
