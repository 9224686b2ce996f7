import ImageStorage
import ImportModel
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import S3Storage

/// What is in the parts of an upload, how many are on their way, and what they may hold in memory.
@Suite struct S3UploadTests {
    /// The proportions of S3, a hundredth as many parts, and small ones.
    private static let least: Int64 = 1024
    private static func plan(_ expectedBytes: Int64?) -> PartPlan {
        PartPlan(least: least, expectedBytes: expectedBytes, maxParts: 100)
    }
    /// What 100 parts hold that double: 50, and then 5 of each size.
    private static let mostBytes = least * (50 + 5 * 2046)

    @Test func `an upload of unknown length grows through all of its parts, and holds every byte`() async throws {
        try await withFake({ FakeS3.plain($0) }) { store, service in
            let writer = try await S3Writer(key: newKey(), expectedBytes: nil, plan: Self.plan(nil), in: store)
            let sum = try await write(Self.mostBytes, to: writer)
            await #expect {
                try await writer.commit(describe(Self.mostBytes))
            } throws: { "\($0)".contains("was removed while it was being committed") }
            let parts = service.requests.filter { $0.partNumber != nil }.sorted {
                $0.partNumber ?? 0 < $1.partNumber ?? 0
            }
            #expect(parts.map(\.partNumber) == Array(1...100))
            let sizes = (1...100).map { Self.least << Int64(max(0, ($0 - 46) / 5)) }
            #expect(parts.map { Int64($0.body.readableBytes) } == sizes)
            #expect(S3Digest.sha256(parts.map(\.body)) == sum)
            let complete = try #require(service.requests.last { $0.method == "POST" && $0.has("uploadId") })
            let xml = try #require(S3XML(parsing: complete.body.readableBytesView))
            #expect(xml.all("Part").map { $0.value("ETag") } == (1...100).map { "\"part-\($0)\"" })
        }
    }

    @Test func `an upload that needs more parts than there are fails and says what to set`() async throws {
        try await withFake({ FakeS3.plain($0) }) { store, _ in
            let writer = try await S3Writer(key: newKey(), expectedBytes: nil, plan: Self.plan(nil), in: store)
            await #expect {
                try await write(Self.mostBytes + 1, to: writer)
                try await writer.commit(describe(Self.mostBytes + 1))
            } throws: { "\($0)".contains("needs more than 100 parts") && "\($0)".contains("parts-memory") }
            await writer.abandon()
        }
    }

    @Test func `parts grow no further than the memory that the store has for them`() async throws {
        let budget: Int64 = 6 << 10
        try await withFake({ FakeS3.plain($0) }, { $0.budgetBytes = budget }) { store, service in
            let size = 300 * Self.least
            let writer = try await S3Writer(key: newKey(), expectedBytes: nil, plan: Self.plan(nil), in: store)
            let sum = try await write(size, to: writer)
            await #expect(throws: StorageError.self) { try await writer.commit(describe(size)) }
            let parts = service.requests.filter { $0.partNumber != nil }.sorted {
                $0.partNumber ?? 0 < $1.partNumber ?? 0
            }
            #expect(parts.allSatisfy { $0.body.readableBytes <= budget + Self.least })
            #expect(parts.contains { $0.body.readableBytes > 4 * Self.least })
            #expect(S3Digest.sha256(parts.map(\.body)) == sum)
            #expect(store.budget.take(upTo: budget, atLeast: budget) != nil, "all of it was given back")
        }
    }

    @Test func `parts of a known length that found no room are made up for, and nobody waits for room`() async throws {
        let budget: Int64 = 1 << 20
        try await withFake({ FakeS3.plain($0) }, { $0.budgetBytes = budget }) { store, service in
            let size = 900 * Self.least
            let writer = try await S3Writer(key: newKey(), expectedBytes: size, plan: Self.plan(size), in: store)
            var held = store.budget.take(upTo: budget, atLeast: budget)
            #expect(held != nil)
            try await write(20 * Self.least, to: writer)
            held = nil
            try await write(size - 20 * Self.least, to: writer)
            await #expect(throws: StorageError.self) { try await writer.commit(describe(size)) }
            let parts = service.requests.filter { $0.partNumber != nil }.sorted {
                $0.partNumber ?? 0 < $1.partNumber ?? 0
            }
            let sizes = parts.map { Int64($0.body.readableBytes) }
            #expect(held == nil && sizes.prefix(20).allSatisfy { $0 == Self.least })
            // 880 KiB are left to nine tenths of 80 parts.
            #expect(sizes[21] == (880 * Self.least + 71) / 72)
            #expect(sizes.reduce(0, +) == size && sizes.count <= 100)
        }
    }

    @Test(arguments: [1, 2, 4]) func `no more parts are in memory than are allowed`(allowed: Int) async throws {
        let parts = 12
        let flight = Flight()
        let script: @Sendable (FakeS3.Request) -> FakeS3.Reply = { request in
            guard request.partNumber != nil else { return FakeS3.plain(request) }
            return .after(flight.begin(), FakeS3.plain(request))
        }
        try await withFake(script, { $0.parallelParts = allowed }) { store, _ in
            let writer = try await S3Writer(key: newKey(), expectedBytes: nil, plan: Self.plan(nil), in: store)
            async let written: Void = {
                for _ in 0..<parts { try await writer.write(ByteBuffer(repeating: 7, count: Int(Self.least))) }
            }()
            try await eventually { flight.most == allowed }
            // One more would come meanwhile: these calls take the same way as a part.
            for _ in 0..<10 { _ = try await store.list(after: nil) }
            #expect(flight.most == allowed)
            flight.releaseAll()
            try await written
            await #expect(throws: StorageError.self) {
                try await writer.commit(describe(Int64(parts) * Self.least))
            }
            await writer.abandon()
        }
    }

    /// Writes blocks of odd sizes whose bytes differ; returns the digest of all.
    @discardableResult
    private func write(_ count: Int64, to writer: S3Writer) async throws -> [UInt8] {
        var blocks: [ByteBuffer] = []
        var written: Int64 = 0
        while written < count {
            let size = Int(min(40_961, count - written))
            let block = ByteBuffer(repeating: UInt8(truncatingIfNeeded: blocks.count), count: size)
            blocks.append(block)
            try await writer.write(block)
            written += Int64(size)
        }
        return S3Digest.sha256(blocks)
    }
}

/// Parts that are on their way and wait for their answers.
private final class Flight: Sendable {
    private let state = Mutex((waiting: [EventLoopPromise<Void>](), most: 0, isOpen: false))

    /// The most that ever waited at the same time.
    var most: Int { state.withLock(\.most) }

    func begin() -> EventLoopFuture<Void> {
        let promise = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        state.withLock { state in
            if state.isOpen { return promise.succeed() }
            state.waiting.append(promise)
            state.most = max(state.most, state.waiting.count)
        }
        return promise.futureResult
    }

    func releaseAll() {
        state.withLock { state in
            state.isOpen = true
            for promise in state.waiting { promise.succeed() }
            state.waiting = []
        }
    }
}

private func newKey() -> ObjectKey { ObjectKey(image: .random(), nonce: .mint()) }

private func describe(_ size: Int64) -> ObjectDescription {
    ObjectDescription(image: .random(), sizeBytes: size, digests: ContentDigests(md5: "", sha512: ""))
}
