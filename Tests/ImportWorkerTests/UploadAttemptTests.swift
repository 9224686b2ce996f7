import FilesystemStorage
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import NIOCore
import RedisClient
import StorageConformance
import TestSupport
import Testing

@testable import ImportWorker

/// A body of one block, then the error if there is one.
struct Bytes: AsyncSequence, Sendable {
    struct Broken: Error {}

    let text: String
    var breaks = false

    init(_ text: String, breaks: Bool = false) {
        self.text = text
        self.breaks = breaks
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(bytes: self) }

    struct AsyncIterator: AsyncIteratorProtocol {
        let bytes: Bytes
        var isDone = false

        mutating func next() async throws -> ByteBuffer? {
            guard !isDone else {
                if bytes.breaks { throw Broken() }
                return nil
            }
            isDone = true
            return ByteBuffer(string: bytes.text)
        }
    }
}

@Suite struct UploadAttemptTests {
    private func upload(
        _ bench: WorkBench, _ image: ImageRecord, _ body: Bytes, expectedBytes: Int64? = nil,
        into storage: (any ImageStorage)? = nil, stall: Duration = .seconds(30)
    ) async throws -> UploadAttempt.Result {
        try await UploadAttempt(
            store: bench.store, beats: bench.beats, process: bench.identity.id, threads: bench.threads, maxBytes: 100,
            stall: stall, logger: bench.logger
        ).run(
            .upload, of: image,
            NewTask(
                id: .random(), image: image.id, request: ImportRequest(method: nil, stores: [WorkBench.storeID]),
                owner: "project"),
            into: storage ?? bench.storage, body: body, expectedBytes: expectedBytes)
    }

    @Test func anUploadMakesTheImageActive() async throws {
        try await WorkBench.with { bench in
            let image = try await bench.image()
            guard case .published(let content) = try await upload(bench, image, Bytes("abc"), expectedBytes: 3) else {
                throw InvalidValue("not published")
            }
            #expect(content.digests.md5 == "900150983cd24fb0d6963f7d28e17f72")
            #expect(try await bench.store.image(image.id)?.status == .active)
        }
    }

    @Test(
        arguments: [
            (Bytes("abc", breaks: true), nil), (Bytes("abc"), 4), (Bytes("abcd"), 3),
            (Bytes(String(repeating: "x", count: 101)), nil),
        ] as [(Bytes, Int64?)])
    func aFailedUploadPutsTheImageBackAndLeavesGarbageOnly(_ body: Bytes, _ expectedBytes: Int64?) async throws {
        try await WorkBench.with { bench in
            let image = try await bench.image()
            guard case .failed = try await upload(bench, image, body, expectedBytes: expectedBytes) else {
                throw InvalidValue("not failed")
            }
            let after = try #require(try await bench.store.image(image.id))
            #expect(after.status == .queued)
            #expect(after.lockedBy == nil)
            #expect(after.sizeBytes == nil)
            #expect(try await bench.store.queueStats().garbage == 1)
        }
    }

    @Test func `a store that hangs ends an upload, and what it writes later is named`() async throws {
        try await WorkBench.with { bench in
            let image = try await bench.image()
            let storage = WatchedStorage(bench.storage)
            let result = try await upload(bench, image, Bytes("abc"), into: storage, stall: .seconds(2))
            guard case .failed(PipelineError.storage(bench.storage.id, .unavailable)) = result else {
                throw InvalidValue("not failed: \(result)")
            }
            let after = try #require(try await bench.store.image(image.id))
            #expect(after.status == .queued)
            #expect(after.lockedBy == nil)
            // What was named has been swept; then the store writes after all.
            try await bench.client.send("DEL", "{test}:garbage")
            storage.release()
            try await eventually { try await bench.store.queueStats().garbage == 1 }
        }
    }

    @Test func anImageThatIsImportedRefusesUploads() async throws {
        try await WorkBench.with { bench in
            let task = try await bench.queue("http://127.0.0.1:1/")
            let image = try #require(try await bench.store.image(task.image))
            guard case .refused(.locked(let lock)) = try await upload(bench, image, Bytes("abc")) else {
                throw InvalidValue("not refused")
            }
            #expect(lock.task == task.id)
        }
    }
}
