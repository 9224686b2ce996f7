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
    private static let bytes = (0..<12 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) }
    private static let other = (0..<12 << 20).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 9) }
    /// Of the first answer, before it stands still.
    private static let first = 9 << 20

    private typealias Request = ScriptedHTTPServer.Request
    private typealias Step = ScriptedHTTPServer.Step

    @Test("a drained attempt leaves its place, and the next one fetches the rest only")
    func drained() async throws {
        try await Self.withInterrupted { bench, task, server in
            let end = try await Self.finish(bench, task)
            let offset = try #require(Self.offset(server.requests.last))
            #expect(offset >= 2 << 20 && server.requests.count == 2)
            #expect(server.requests.last?.headers["if-range"] == "\"v1\"")
            #expect(end.state == .success && end.attempt == 2 && end.spent == 1)
            #expect(end.message.contains("Copied 12 MiB"))
            try await Self.expect(Self.bytes, of: bench, end)
        }
    }

    @Test("a dead attempt's place is gone on from, while its process may write still")
    func dead() async throws {
        try await Self.withInterrupted(isDead: true) { bench, task, server in
            let end = try await Self.finish(bench, task)
            #expect(try #require(Self.offset(server.requests.last)) >= 2 << 20)
            #expect(end.state == .success && end.attempt == 2)
            try await Self.expect(Self.bytes, of: bench, end)
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
                return try await bench.end(of: task.id)
            }
            #expect(end.state == .success && end.attempt >= 3)
            #expect(try #require(Self.offset(server.requests.last)) >= 2 << 20)
            try await Self.expect(Self.bytes, of: bench, end)
        }
    }

    struct Turn: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let why: String
        /// What the source has now.
        var bytes = ResumeTests.bytes
        var etag = "\"v1\""
        var hasRanges = true
        /// How many attempts it takes, with the first one.
        var attempts: Int64 = 2
        var change: @Sendable (WorkBench, TaskRecord) async throws -> Void = { _, _ in }
    }

    static let turns: [Turn] = [
        Turn(testDescription: "the source has changed", why: "the source has changed", bytes: other, etag: "\"v2\""),
        Turn(testDescription: "there are no ranges any more", why: "sent the whole", hasRanges: false),
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
        try await Self.withInterrupted(then: turn) { bench, task, server in
            try await turn.change(bench, task)
            let end = try await Self.finish(bench, task)
            #expect(end.state == .success && end.attempt == turn.attempts && end.spent == 1)
            try await Self.expect(turn.bytes, of: bench, end)
            let told = try await bench.store.events(after: "0", atMost: .seconds(1)).filter {
                $0.type == "started-over"
            }
            #expect(told.count == 1 && told.first?.detail.contains(turn.why) == true, "\(told)")
            let named = try await bench.client.send("ZRANGE", "{test}:garbage", 0, -1).array ?? []
            #expect(!named.isEmpty)
        }
    }

    @Test("a digest that differs after a continuation is no verdict: the import is begun anew, and then it is one")
    func spliced() async throws {
        // The server says that it is the same version, and lies.
        let lie = Turn(testDescription: "lie", why: "", bytes: Self.other)
        for expected in [Self.other, Self.bytes] {
            try await Self.withInterrupted(expecting: Self.sha256(expected), then: lie) { bench, task, server in
                let end = try await Self.finish(bench, task)
                #expect(end.state == (expected == Self.other ? .success : .failure))
                #expect(end.attempt == 3 && end.spent == 1)
                if expected == Self.other { try await Self.expect(Self.other, of: bench, end) }
            }
        }
    }

    /// The one file of bytes that are no object yet.
    private static func part(in bench: WorkBench) throws -> URL {
        let files = FileManager.default.enumerator(at: bench.folder, includingPropertiesForKeys: nil)
        return try #require(files?.compactMap { $0 as? URL }.first { $0.pathExtension == "part" })
    }

    // MARK: The story of them all

    /// An attempt gets the first bytes, and is interrupted when it has left a place.
    private static func withInterrupted(
        isDead: Bool = false, expecting checksum: String? = nil,
        then turn: Turn = Turn(testDescription: "", why: ""),
        _ body: (WorkBench, TaskRecord, ScriptedHTTPServer) async throws -> Void,
    ) async throws {
        try await WorkBench.with { bench in
            let isFirst = Mutex(true)
            let server = try await ScriptedHTTPServer { request in
                let isFirst = isFirst.withLock { first in
                    defer { first = false }
                    return first
                }
                if isFirst {
                    return head("200 OK", bytes.count, "\"v1\"") + [.sendBytes(Array(bytes.prefix(first))), .hang]
                }
                guard turn.hasRanges, turn.etag == "\"v1\"", let offset = offset(request) else {
                    return head("200 OK", turn.bytes.count, turn.etag) + [.sendBytes(turn.bytes)]
                }
                let range = "Content-Range: bytes \(offset)-\(turn.bytes.count - 1)/\(turn.bytes.count)"
                return head("206 Partial Content", turn.bytes.count - offset, turn.etag, [range])
                    + [.sendBytes(Array(turn.bytes[offset...]))]
            }
            let task = try await bench.queue(server.url("/disk.raw"), checksum: checksum.map { "sha256:\($0)" })
            let process = try #require(ProcessID(rawValue: "first"))
            let claim = try await bench.claim(as: process)
            let (drain, ended) = (OneShot<Void>(), OneShot<Outcome>())
            let runner = try bench.runner()
            let run = Task { ended.fulfil(await runner.run(claim, heldSince: .now, drain: drain)) }
            let result = await Result {
                try await eventually(within: .seconds(60)) {
                    try await bench.client.send("EXISTS", "{test}:task:\(task.id):checkpoint").int == 1
                }
                if isDead {
                    let beat = try #require(try await bench.store.task(task.id)).beatSeq
                    var seq = beat
                    try await eventually(within: .seconds(60)) {
                        seq = try await bench.store.task(task.id)?.beatSeq ?? seq
                        return try await bench.store.recover(task.id, beatSeq: seq, dead: process) == .requeued
                    }
                } else {
                    drain.fulfil()
                    try await eventually(within: .seconds(60)) { ended.peek == .interrupted }
                }
                try await body(bench, task, server)
            }
            drain.fulfil()
            run.cancel()
            await run.value
            try await server.stop()
            try result.get()
        }
    }

    private static func finish(_ bench: WorkBench, _ task: TaskRecord) async throws -> TaskRecord {
        let loop = try bench.claimLoop()
        return try await running([loop]) { try await bench.end(of: task.id) }
    }

    private static func head(_ status: String, _ length: Int, _ etag: String, _ more: [String] = []) -> [Step] {
        let lines = ["HTTP/1.1 \(status)", "Content-Length: \(length)", "ETag: \(etag)", "Accept-Ranges: bytes"] + more
        return [.send(lines.joined(separator: "\r\n") + "\r\n\r\n")]
    }

    private static func offset(_ request: Request?) -> Int? {
        guard let text = request?.headers["range"], text.hasPrefix("bytes="), text.hasSuffix("-") else { return nil }
        return Int(text.dropFirst(6).dropLast())
    }

    private static func expect(_ bytes: [UInt8], of bench: WorkBench, _ task: TaskRecord) async throws {
        let image = try #require(try await bench.store.image(task.image))
        #expect(image.status == .active && image.sizeBytes == Int64(bytes.count))
        let key = try #require(image.locations[WorkBench.storeID].flatMap { ObjectKey($0) })
        var stored: [UInt8] = []
        for try await block in try await bench.storage.read(key, range: nil) { stored += block.readableBytesView }
        #expect(stored == bytes)
    }

    private static func sha256(_ bytes: [UInt8]) -> String {
        var digest = StreamDigest(.sha256)
        digest.update(ByteBuffer(bytes: bytes))
        return digest.finalize()
    }
}
