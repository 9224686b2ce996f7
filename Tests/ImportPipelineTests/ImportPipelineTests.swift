import Foundation
import ImageStorage
import ImportModel
import ImportPipeline
import NIOCore
import Synchronization
import StorageConformance
import TestSupport
import Testing

@Suite struct ImportPipelineTests {
    static let mebibyte = 1 << 20

    @Test(arguments: [
        [], [0], [1], [7, 0, 5], [mebibyte], [mebibyte + 1], [3 * mebibyte + 17, 5, 2 * mebibyte],
        Array(repeating: 65_521, count: 80),
    ])
    func `bytes of any size in pieces of any size arrive whole, with their digests`(sizes: [Int]) async throws {
        try await Fixture.with(stores: ["one", "two"]) { given in
            var fixture = given
            let pieces = sizes.enumerated().map { index, size in
                ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index) })
            }
            let told = Mutex<[Int64]>([])
            fixture.progress = { bytes in told.withLock { $0.append(bytes) } }
            var all = ByteBuffer()
            pieces.forEach { all.writeImmutableBuffer($0) }
            let content = try await fixture.run(pieces, expectedBytes: Int64(all.readableBytes))
            #expect(content.sizeBytes == Int64(all.readableBytes))
            #expect(content.digests == digests(of: all))
            #expect(content.locations == [storeID("one"): "\(fixture.key)", storeID("two"): "\(fixture.key)"])
            #expect(content.failedStores.isEmpty)
            for target in fixture.targets {
                var stored = ByteBuffer()
                for try await block in try await target.read(fixture.key, range: nil) {
                    stored.writeImmutableBuffer(block)
                }
                #expect(stored == all)
            }
            // At each arrival, however small: a source that is slow must not look like one that stands still.
            #expect(told.withLock { $0 } == sizes.indices.map { Int64(sizes[...$0].reduce(0, +)) })
            try await eventually { try openDescriptors(containing: fixture.root).isEmpty }
        }
    }

    @Test(arguments: DigestAlgorithm.allCases)
    func `a wrong digest commits nothing and names both`(algorithm: DigestAlgorithm) async throws {
        try await Fixture.with { given in
            var fixture = given
            var right = StreamDigest(algorithm)
            right.update(ByteBuffer(string: "abc"))
            let hex = right.finalize()
            let wrong = try ExpectedDigest(
                parsing: "\(algorithm.rawValue):\(String(repeating: "0", count: algorithm.hexLength))")
            fixture.expected = wrong
            let running = fixture
            await #expect(
                throws: PipelineError.digestMismatch(
                    expected: wrong, actual: "\(algorithm.rawValue):\(hex)")
            ) { try await running.run([ByteBuffer(string: "abc")]) }
            try await fixture.expectNothingThere()

            fixture.expected = try ExpectedDigest(parsing: "\(algorithm.rawValue):\(hex)")
            fixture.targets = []
            #expect(try await fixture.run([ByteBuffer(string: "abc")]).sizeBytes == 3)
        }
    }

    @Test func `a stored object can be verified by reading it`() async throws {
        try await Fixture.with { given in
            var fixture = given
            let stored = try await fixture.run([ByteBuffer(repeating: 9, count: 3 << 20)])
            let body = try await fixture.targets[0].read(fixture.key, range: nil)
            fixture.targets = []
            fixture.expected = try ExpectedDigest(parsing: "sha512:\(stored.digests.sha512)")
            #expect(try await fixture.run(body, expectedBytes: body.sizeBytes).digests == stored.digests)
        }
    }

    @Test func `a source that is shorter, longer or larger than said is refused`() async throws {
        try await Fixture.with { fixture in
            let four = [ByteBuffer(string: "ab"), ByteBuffer(string: "cd")]
            await #expect(throws: PipelineError.tooShort(expected: 5, received: 4)) {
                try await fixture.run(four, expectedBytes: 5)
            }
        }
        try await Fixture.with { fixture in
            await #expect(throws: PipelineError.tooLong(expected: 3)) {
                try await fixture.run([ByteBuffer(string: "abcd")], expectedBytes: 3)
            }
        }
        try await Fixture.with { given in
            var fixture = given
            fixture.maxBytes = 3
            let running = fixture
            await #expect(throws: PipelineError.tooLarge(limit: 3)) {
                try await running.run([ByteBuffer(string: "abcd")], expectedBytes: 4)
            }
            await #expect(throws: PipelineError.tooLarge(limit: 3)) {
                try await running.run([ByteBuffer(string: "abcd")])
            }
            try await fixture.expectNothingThere()
        }
    }

    @Test func `the source's error comes out unchanged`() async throws {
        try await Fixture.with { fixture in
            await #expect(throws: TestFault()) {
                try await fixture.run(
                    Pieces(pieces: [ByteBuffer(repeating: 1, count: 2 << 20)], failure: TestFault()))
            }
            try await fixture.expectNothingThere()
        }
    }

    @Test(arguments: [FailingStorage.Point.create, .write(0), .write(3), .commit])
    func `a store that fails ends the run where all are needed, and only itself where not`(
        point: FailingStorage.Point
    ) async throws {
        let pieces = Array(repeating: ByteBuffer(repeating: 3, count: 1 << 20), count: 12)
        try await Fixture.with(stores: ["bad", "good"]) { given in
            var fixture = given
            let bad = FailingStorage(base: fixture.targets[0], point: point)
            fixture.targets[0] = bad
            let running = fixture
            await #expect(throws: PipelineError.storage(bad.id, bad.failure)) { try await running.run(pieces) }
            let sizes = try await fixture.sizes()
            #expect(sizes[0] == nil)
            #expect(try openDescriptors(containing: fixture.root).isEmpty)
        }
        try await Fixture.with(stores: ["bad", "good"]) { given in
            var fixture = given
            let bad = FailingStorage(base: fixture.targets[0], point: point)
            fixture.targets[0] = bad
            fixture.mustAll = false
            let content = try await fixture.run(pieces)
            #expect(content.locations == [storeID("good"): "\(fixture.key)"])
            #expect(content.failedStores == [bad.id: bad.failure.description])
            #expect(try await fixture.sizes() == [nil, 12 << 20])
            #expect(try openDescriptors(containing: fixture.root).isEmpty)
        }
        try await Fixture.with(stores: ["bad"]) { given in
            var fixture = given
            let bad = FailingStorage(base: fixture.targets[0], point: point)
            fixture.targets = [bad]
            fixture.mustAll = false
            let running = fixture
            await #expect(throws: PipelineError.noStoreLeft([bad.id: bad.failure])) { try await running.run(pieces) }
        }
    }

    @Test(arguments: [0, 1, 4, 13])
    func `a lost lease ends the run before the next write`(writes: Int) async throws {
        try await Fixture.with { given in
            var fixture = given
            fixture.gate = CountingGate(lettingPass: writes, then: TestFault())
            let running = fixture
            await #expect(throws: TestFault()) {
                try await running.run(Array(repeating: ByteBuffer(repeating: 3, count: 1 << 20), count: 12))
            }
            try await fixture.expectNothingThere()
        }
    }

    @Test func `a slow store holds back the source, and cancelling leaves nothing open`() async throws {
        try await Fixture.with { given in
            var fixture = given
            let gate = CountingGate(lettingPass: 3)
            fixture.gate = gate
            let asked = Mutex(0)
            var source = Pieces(pieces: Array(repeating: ByteBuffer(repeating: 3, count: 1 << 20), count: 200))
            source.onNext = { index in asked.withLock { $0 = index } }
            let running = (fixture, source)
            let run = Task { try await running.0.run(running.1) }
            for await _ in gate.waiting { break }
            // One create and two writes passed; the third block is in hand, two are queued, one waits.
            try await eventually { asked.withLock { $0 } == 5 }
            for _ in 0..<100 { await Task.yield() }
            #expect(asked.withLock { $0 } == 5)
            #expect(try openDescriptors(containing: fixture.root).count == 1)
            run.cancel()
            await #expect(throws: CancellationError.self) { try await run.value }
            try await fixture.expectNothingThere()
        }
    }

    @Test func `cancelling ends a run whose source is silent`() async throws {
        try await Fixture.with { fixture in
            let (waiting, wait) = AsyncStream.makeStream(of: Void.self)
            var source = Pieces(pieces: [ByteBuffer(string: "a")])
            source.onNext = { index in
                guard index == 1 else { return }
                wait.yield()
                try await Task.sleep(for: .seconds(3600))
            }
            let running = (fixture, source)
            let run = Task { try await running.0.run(running.1) }
            for await _ in waiting { break }
            run.cancel()
            await #expect(throws: CancellationError.self) { try await run.value }
            try await fixture.expectNothingThere()
        }
    }
}

private struct TestFault: Error, Equatable {}
