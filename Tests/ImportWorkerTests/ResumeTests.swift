import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import NIOCore
import RedisClient
import Synchronization
import TestSupport
import Testing

@testable import ImportWorker

/// Attempts that leave their place to the next one, over a real store and a source that counts what it is asked for.
@Suite struct ResumeTests {
    private typealias Import = InterruptedImport

    @Test("a drained attempt leaves its place, and the next one fetches the rest only")
    func drained() async throws {
        try await Self.withInterrupted { bench, task, server in
            let end = try await Import.finish(task, on: bench)
            let offset = try #require(Import.offset(server.requests.last))
            #expect(offset >= 2 << 20 && server.requests.count == 2)
            #expect(server.requests.last?.headers["if-range"] == "\"v1\"")
            #expect(end.state == .success && end.attempt == 2 && end.spent == 1)
            #expect(end.message.contains("Copied 12 MiB"))
            try await Import.expect(Import.bytes, of: end, on: bench)
        }
    }

    @Test("a dead attempt's place is gone on from, while its process may write still")
    func dead() async throws {
        try await Self.withInterrupted(Import(end: .dead)) { bench, task, server in
            let end = try await Import.finish(task, on: bench)
            #expect(try #require(Import.offset(server.requests.last)) >= 2 << 20)
            #expect(end.state == .success && end.attempt == 2)
            try await Import.expect(Import.bytes, of: end, on: bench)
        }
    }

    @Test("a store that is away for a while has lost nothing")
    func away() async throws {
        try await Self.withInterrupted { bench, task, server in
            let away = bench.folder.appendingPathExtension("away")
            try FileManager.default.moveItem(at: bench.folder, to: away)
            let loop = try bench.claimLoop()
            let end = try await running([loop]) {
                try await eventually(within: .seconds(60)) {
                    let now = try #require(try await bench.store.task(task.id))
                    return now.attempt == 2 && now.state == .pending
                }
                try FileManager.default.moveItem(at: away, to: bench.folder)
                return try await bench.end(of: task.id, within: .seconds(60))
            }
            #expect(end.state == .success && end.attempt >= 3)
            #expect(try #require(Import.offset(server.requests.last)) >= 2 << 20)
            try await Import.expect(Import.bytes, of: end, on: bench)
        }
    }

    struct Turn: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let why: String
        /// With what the source has now.
        var story = InterruptedImport()
        /// How many attempts it takes, with the first one.
        var attempts: Int64 = 2
        var change: @Sendable (WorkBench, TaskRecord) async throws -> Void = { _, _ in }
    }

    static let turns: [Turn] = [
        Turn(
            testDescription: "the source has changed", why: "the source has changed",
            story: Import(bytes: Import.other, etag: "\"v2\"")),
        Turn(
            testDescription: "there are no ranges any more", why: "sent the whole",
            story: Import(hasRanges: false)),
        Turn(testDescription: "the checkpoint cannot be read", why: "cannot be read") { bench, task in
            try await bench.client.send("SET", "{test}:task:\(task.id):checkpoint", "{\"edition\":2}")
        },
        Turn(testDescription: "the checkpoint speaks of another object", why: "cannot be read") { bench, task in
            try await bench.client.send(
                "HSET", "{test}:task:\(task.id)", "kept", "main \(task.image)/\(Nonce.mint())")
        },
        Turn(testDescription: "the checkpoint is damaged", why: "cannot be read") { bench, task in
            let key = "{test}:task:\(task.id):checkpoint"
            let kept = try #require(try await bench.client.send("GET", key).string)
            // Another digit of a digest's state: as good JSON as before.
            let state = try #require(kept.range(of: "\"sha512\":\""))
            let place = kept.utf8.distance(from: kept.startIndex, to: state.upperBound) + 20
            try await bench.client.send("SETRANGE", key, place, kept.utf8.dropFirst(place).first == 0x41 ? "B" : "A")
        },
        Turn(
            testDescription: "the file has other bytes than were written", why: "as it was written", attempts: 3
        ) { bench, _ in
            let file = try FileHandle(forUpdating: try Self.part(in: bench))
            try file.seek(toOffset: 1_000_000)
            try file.write(contentsOf: Data([0, 0, 0, 0]))
            try file.close()
        },
        Turn(testDescription: "the file cannot be opened", why: "put no links") { bench, _ in
            let part = try Self.part(in: bench)
            try FileManager.default.removeItem(at: part)
            try FileManager.default.createSymbolicLink(at: part, withDestinationURL: bench.folder)
        },
        Turn(testDescription: "the file is gone", why: "does not have any more what was begun") { bench, _ in
            for key in try await bench.storedKeys() { try await bench.storage.delete(key) }
        },
    ]

    @Test("what cannot be gone on from is begun anew, in the same attempt, and said", arguments: turns)
    func begunAnew(turn: Turn) async throws {
        try await Self.withInterrupted(turn.story) { bench, task, server in
            try await turn.change(bench, task)
            let end = try await Import.finish(task, on: bench)
            #expect(end.state == .success && end.attempt == turn.attempts && end.spent == 1)
            try await Import.expect(turn.story.bytes, of: end, on: bench)
            let told = try await bench.startedOver()
            #expect(told.count == 1 && told.first?.contains(turn.why) == true, "\(told)")
            #expect(try await !bench.garbage().isEmpty)
        }
    }

    @Test("a digest that differs after a continuation is no verdict: the import is begun anew, and then it is one")
    func spliced() async throws {
        // The server says that it is the same version, and lies.
        for expected in [Import.other, Import.bytes] {
            let story = Import(checksum: Self.sha256(expected), bytes: Import.other)
            try await Self.withInterrupted(story) { bench, task, server in
                let end = try await Import.finish(task, on: bench)
                #expect(end.state == (expected == Import.other ? .success : .failure))
                #expect(end.attempt == 3 && end.spent == 1)
                if expected == Import.other { try await Import.expect(Import.other, of: end, on: bench) }
            }
        }
    }

    /// The one file of bytes that are no object yet.
    private static func part(in bench: WorkBench) throws -> URL {
        let files = FileManager.default.enumerator(at: bench.folder, includingPropertiesForKeys: nil)
        return try #require(files?.compactMap { $0 as? URL }.first { $0.pathExtension == "part" })
    }

    private static func withInterrupted(
        _ story: Import = Import(), _ body: (WorkBench, TaskRecord, ScriptedHTTPServer) async throws -> Void
    ) async throws {
        try await WorkBench.with { bench in
            try await story.run(on: bench) { task, server in try await body(bench, task, server) }
        }
    }

    private static func sha256(_ bytes: [UInt8]) -> String {
        var digest = StreamDigest(.sha256)
        digest.update(ByteBuffer(bytes: bytes))
        return digest.finalize()
    }
}
