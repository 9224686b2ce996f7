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

/// An import whose first attempt gets the first bytes, and is interrupted when it has left its place, and the source as
/// the next attempt finds it.
struct InterruptedImport: Sendable {
    static let bytes = (0..<12 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 11) }
    static let other = (0..<12 << 20).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 9) }
    /// Of the first answer, before it stands still.
    static let first = 9 << 20

    /// How the first attempt ends.
    enum End: Sendable {
        case drained
        /// Its process is declared dead, and may write still.
        case dead
        /// By itself, once this has been done.
        case failed(@Sendable () -> Void)
    }

    var end = End.drained
    var checksum: String?
    var stores = [WorkBench.storeID]
    var mustAll = true
    /// Whether the first attempt leaves a checkpoint; otherwise it is interrupted when it has all that came.
    var leavesPlace = true
    // What the source has when the next attempt comes.
    var bytes = InterruptedImport.bytes
    var etag = "\"v1\""
    var hasRanges = true

    /// - Parameters:
    ///   - others: the stores beside the bench's own.
    ///   - body: what comes after the first attempt; `finish` runs the next.
    func run(
        on bench: WorkBench, beside others: [any ImageStorage] = [],
        _ body: (TaskRecord, ScriptedHTTPServer) async throws -> Void
    ) async throws {
        let server = try await ScriptedHTTPServer(answers())
        let task = try await bench.queue(
            server.url("/disk.raw"), checksum: checksum.map { "sha256:\($0)" }, into: stores, mustAll: mustAll)
        let process = try #require(ProcessID(rawValue: "first"))
        let claim = try await bench.claim(as: process, stores: stores)
        let (drain, ended) = (OneShot<Void>(), OneShot<Outcome>())
        let runner = try bench.runner(beside: others)
        let run = Task { ended.fulfil(await runner.run(claim, heldSince: .now, drain: drain)) }
        let result = await Result {
            try await eventually(within: .seconds(60)) { try await hasCome(task, to: bench) }
            switch end {
            case .drained:
                drain.fulfil()
                try await eventually(within: .seconds(60)) { ended.peek == .interrupted }
            case .dead:
                var seq = try #require(try await bench.store.task(task.id)).beatSeq
                try await eventually(within: .seconds(60)) {
                    seq = try await bench.store.task(task.id)?.beatSeq ?? seq
                    return try await bench.store.recover(task.id, beatSeq: seq, dead: process) == .requeued
                }
            case .failed(let fail):
                fail()
                try await eventually(within: .seconds(60)) {
                    if case .retry = ended.peek { true } else { false }
                }
            }
            try await body(task, server)
        }
        drain.fulfil()
        run.cancel()
        await run.value
        try await server.stop()
        try result.get()
    }

    /// Runs the attempts that are left, to the end of the task.
    static func finish(
        _ task: TaskRecord, on bench: WorkBench, beside others: [any ImageStorage] = []
    ) async throws -> TaskRecord {
        let loop = try bench.claimLoop(beside: others)
        return try await running([loop]) { try await bench.end(of: task.id, within: .seconds(60)) }
    }

    private func hasCome(_ task: TaskRecord, to bench: WorkBench) async throws -> Bool {
        guard leavesPlace else { return try await bench.store.task(task.id)?.bytesDone == Int64(Self.first) }
        return try await bench.client.send("EXISTS", "{test}:task:\(task.id):checkpoint").int == 1
    }

    private func answers() -> ScriptedHTTPServer.Script {
        let isFirst = Mutex(true)
        return { request in
            let isFirst = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            if isFirst {
                return Self.head("200 OK", Self.bytes.count, "\"v1\"")
                    + [.sendBytes(Array(Self.bytes.prefix(Self.first))), .hang]
            }
            guard hasRanges, etag == "\"v1\"", let offset = Self.offset(request) else {
                return Self.head("200 OK", bytes.count, etag) + [.sendBytes(bytes)]
            }
            let range = "Content-Range: bytes \(offset)-\(bytes.count - 1)/\(bytes.count)"
            return Self.head("206 Partial Content", bytes.count - offset, etag, [range])
                + [.sendBytes(Array(bytes[offset...]))]
        }
    }

    private static func head(
        _ status: String, _ length: Int, _ etag: String, _ more: [String] = []
    ) -> [ScriptedHTTPServer.Step] {
        let lines = ["HTTP/1.1 \(status)", "Content-Length: \(length)", "ETag: \(etag)", "Accept-Ranges: bytes"] + more
        return [.send(lines.joined(separator: "\r\n") + "\r\n\r\n")]
    }

    /// Behind which the rest was asked for; `nil`: the whole was.
    static func offset(_ request: ScriptedHTTPServer.Request?) -> Int? {
        guard let text = request?.headers["range"], text.hasPrefix("bytes="), text.hasSuffix("-") else { return nil }
        return Int(text.dropFirst(6).dropLast())
    }

    /// The image is active, and these are its bytes in the store.
    static func expect(
        _ bytes: [UInt8], of task: TaskRecord, on bench: WorkBench, in storage: (any ImageStorage)? = nil
    ) async throws {
        let storage = storage ?? bench.storage
        let image = try #require(try await bench.store.image(task.image))
        #expect(image.status == .active && image.sizeBytes == Int64(bytes.count))
        let key = try #require(image.locations[storage.id].flatMap { ObjectKey($0) })
        var stored: [UInt8] = []
        for try await block in try await storage.read(key, range: nil) { stored += block.readableBytesView }
        #expect(stored == bytes)
    }
}
