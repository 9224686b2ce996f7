import ImageStorage
import ImportModel
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

@testable import S3Storage

/// What is there after an answer that says no, or that never came; and streams that break.
@Suite struct S3CommitTests {
    /// What the service has under the key when `HEAD` asks.
    enum There: Sendable { case ours, anothers, nothing, shorter }

    /// One answer to the request that makes the object, what is there afterwards, and what the commit says.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reply: FakeS3.Reply
        let there: There
        /// A word of the error; `nil` for success.
        let error: String?
    }

    static let cases = [
        Case(testDescription: "the reply was lost", reply: .drop, there: .ours, error: nil),
        Case(
            testDescription: "the reply was lost, and the upload is gone", reply: .error(404, "NoSuchUpload"),
            there: .ours, error: nil),
        Case(testDescription: "nothing was made", reply: .drop, there: .nothing, error: "not available"),
        Case(
            testDescription: "the upload was aborted", reply: .error(404, "NoSuchUpload"), there: .nothing,
            error: "removed while being written"),
        Case(testDescription: "412 after our own", reply: .error(412, "PreconditionFailed"), there: .ours, error: nil),
        Case(
            testDescription: "412 by another", reply: .error(412, "PreconditionFailed"), there: .anothers,
            error: "exists"),
        Case(
            testDescription: "409 by another", reply: .error(409, "ConditionalRequestConflict"), there: .anothers,
            error: "exists"),
        Case(
            testDescription: "409 and nothing", reply: .error(409, "ConditionalRequestConflict"), there: .nothing,
            error: "not available"),
        Case(
            testDescription: "500 and another", reply: .error(500, "InternalError"), there: .anothers, error: "exists"),
        Case(
            testDescription: "ours has another size", reply: .drop, there: .shorter, error: "bytes in the store instead"
        ),
    ]

    @Test(arguments: cases, [true, false])
    func `conflicts and lost replies are settled by looking`(settled: Case, isUpload: Bool) async throws {
        let service = CommitScript(reply: settled.reply, there: settled.there)
        try await withFake({ service.reply(to: $0) }) { store, _ in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: isUpload ? nil : 3)
            try await writer.write(ByteBuffer(string: "abc"))
            do {
                try await writer.commit(describe(key, 3))
                #expect(settled.error == nil)
            } catch {
                #expect(settled.error.map { "\(error)".contains($0) } == true, "\(error)")
            }
        }
    }

    @Test(arguments: [There.anothers, .nothing])
    func `without conditions a success is believed only when the object is ours`(there: There) async throws {
        let service = CommitScript(reply: .answer(200, [], "<CompleteMultipartUploadResult/>"), there: there)
        try await withFake({ service.reply(to: $0) }) { store, _ in
            let key = newKey()
            let writer = try await store.create(key, expectedBytes: nil)
            try await writer.write(ByteBuffer(string: "abc"))
            await #expect(throws: StorageError.self) { try await writer.commit(describe(key, 3)) }
        }
    }

    @Test func `a read that breaks goes on where it stopped, from the same object`() async throws {
        let content = "0123456789"
        let script: @Sendable (FakeS3.Request) -> FakeS3.Reply = { request in
            guard request.method == "GET" else { return .head(200, [("content-length", "10"), ("etag", "\"e\"")]) }
            let from = request.headers.first(name: "range")?.dropFirst(6).prefix { $0.isNumber }.description
            let start = Int(from ?? "") ?? 0
            let rest = String(content.dropFirst(start))
            let range = ("content-range", "bytes \(start)-9/10")
            if rest.count <= 4 { return .answer(206, [range], rest) }
            return .cutOff(206, announced: rest.count, String(rest.prefix(3)), [range])
        }
        try await withFake(script) { store, service in
            var read = ""
            for try await block in try await store.read(newKey(), range: nil) { read += String(buffer: block) }
            #expect(read == content)
            let gets = service.requests.filter { $0.method == "GET" }
            #expect(gets.map { $0.headers.first(name: "range") } == ["bytes=0-9", "bytes=3-9", "bytes=6-9"])
            #expect(gets.allSatisfy { $0.headers.first(name: "if-match") == "\"e\"" })
        }
    }

    @Test(arguments: [
        (FakeS3.Reply.error(412, "PreconditionFailed"), "replaced"), (.error(404, "NoSuchKey"), "there is no object"),
        (.answer(200, [], "x"), "other bytes"), (.answer(206, [("content-range", "bytes 9-9/10")], "x"), "other bytes"),
        (.cutOff(206, announced: 8, "", [("content-range", "bytes 2-9/10")]), "not available"),
    ])
    func `other bytes than were asked for are never delivered`(reply: FakeS3.Reply, words: String) async throws {
        let script: @Sendable (FakeS3.Request) -> FakeS3.Reply = {
            $0.method == "GET" ? reply : .head(200, [("content-length", "10"), ("etag", "\"e\"")])
        }
        try await withFake(script) { store, _ in
            await #expect {
                for try await _ in try await store.read(newKey(), range: 2..<10) {}
            } throws: { "\($0)".contains(words) }
        }
    }
}

/// Takes an upload or an object, answers to its end with one reply, and shows what is there when asked.
private final class CommitScript: Sendable {
    private let last: FakeS3.Reply
    private let there: S3CommitTests.There
    private let writer = Mutex("")
    private let isOver = Mutex(false)

    init(reply: FakeS3.Reply, there: S3CommitTests.There) {
        last = reply
        self.there = there
    }

    func reply(to request: FakeS3.Request) -> FakeS3.Reply {
        if let writer = request.headers.first(name: "x-amz-meta-longshore-writer") {
            self.writer.withLock { $0 = writer }
        }
        switch request.method {
        case "POST" where request.has("uploads"):
            return .answer(
                200, [], "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
        case "PUT" where request.has("partNumber") || request.target.hasSuffix(".json"):
            return .answer(200, [("etag", "\"e\"")])
        case "POST", "PUT":
            isOver.withLock { $0 = true }
            return last
        default:
            return isOver.withLock { $0 } ? head : .head(404, [])
        }
    }

    private var head: FakeS3.Reply {
        let ours = writer.withLock { $0 }
        return switch there {
        case .ours: .head(200, [("content-length", "3"), ("x-amz-meta-longshore-writer", ours)])
        case .shorter: .head(200, [("content-length", "2"), ("x-amz-meta-longshore-writer", ours)])
        case .anothers: .head(200, [("content-length", "3"), ("x-amz-meta-longshore-writer", "another")])
        case .nothing: .head(404, [])
        }
    }
}

private func newKey() -> ObjectKey { ObjectKey(image: .random(), nonce: .mint()) }

private func describe(_ key: ObjectKey, _ size: Int64) -> ObjectDescription {
    ObjectDescription(image: key.image, sizeBytes: size, digests: ContentDigests(md5: "", sha512: ""))
}
