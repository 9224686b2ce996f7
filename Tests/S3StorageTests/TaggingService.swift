import NIOCore
import NIOHTTP1
import Synchronization

@testable import S3Storage

/// Keeps the sizes and digests of what it is sent, shows them as a service does, and shows wrong ones when told.
final class TaggingService: Sendable {
    private struct Thing {
        var size: Int
        var md5: [UInt8]
        var sha256: [UInt8]
        var parts = 0
        var writer = ""
    }

    private struct State {
        var objects: [String: Thing] = [:]
        var parts: [String: [Int: Thing]] = [:]
        var writers: [String: String] = [:]
        var isObjectWrong = false
        var isPartWrong = false
        var losesReply = false
    }

    private let proof: S3Proof
    private let isGuarded: Bool
    private let state = Mutex(State())

    init(shows proof: S3Proof, isGuarded: Bool) {
        self.proof = proof
        self.isGuarded = isGuarded
    }

    /// From now on it stores other bytes than were sent, and loses the answers to what makes objects.
    func goWrong(object: Bool = false, part: Bool = false, losesReply: Bool = false) {
        state.withLock { state in
            state.isObjectWrong = object
            state.isPartWrong = part
            state.losesReply = losesReply
        }
    }

    func reply(to request: FakeS3.Request) -> FakeS3.Reply {
        let name = String(request.target.prefix { $0 != "?" })
        return state.withLock { state in
            if let writer = request.headers.first(name: "x-amz-meta-longshore-writer") { state.writers[name] = writer }
            switch request.method {
            case "POST" where request.has("uploads"):
                state.parts[name] = [:]
                return .started
            case "PUT" where request.partNumber != nil:
                var part = Self.thing(request)
                if state.isPartWrong { part.md5 = part.md5.reversed() }
                state.parts[name, default: [:]][request.partNumber ?? 0] = part
                return .answer(200, [("etag", tag(part))])
            case "PUT":
                return make(Self.thing(request), name, request, &state, .answer(200, [("etag", "\"sent\"")]))
            case "POST":
                let parts = state.parts[name, default: [:]].sorted { $0.key < $1.key }.map(\.value)
                let thing = Thing(
                    size: parts.reduce(0) { $0 + $1.size }, md5: S3Digest.md5(parts.flatMap(\.md5)),
                    sha256: S3Digest.sha256(parts.flatMap(\.sha256)), parts: parts.count)
                return make(thing, name, request, &state, .answer(200, [], "<CompleteMultipartUploadResult/>"))
            case "HEAD": return state.objects[name].map { .head(200, head($0, request)) } ?? .head(404, [])
            case "DELETE": return .answer(204)
            default:
                return .answer(
                    200, [], request.has("uploads") ? "<ListMultipartUploadsResult/>" : "<ListBucketResult/>")
            }
        }
    }

    private func make(
        _ thing: Thing, _ name: String, _ request: FakeS3.Request, _ state: inout State, _ reply: FakeS3.Reply
    ) -> FakeS3.Reply {
        if isGuarded, state.objects[name] != nil, request.headers.contains(name: "if-none-match") {
            return .error(412, "PreconditionFailed")
        }
        var thing = thing
        thing.writer = state.writers[name] ?? ""
        if state.isObjectWrong {
            thing.md5.reverse()
            thing.sha256.reverse()
        }
        state.objects[name] = thing
        // A description is not what a commit is about.
        return state.losesReply && !name.hasSuffix(".json") ? .drop : reply
    }

    private func head(_ thing: Thing, _ request: FakeS3.Request) -> [(String, String)] {
        var headers = [
            ("content-length", String(thing.size)), ("etag", tag(thing)), ("x-amz-meta-longshore-writer", thing.writer),
        ]
        if proof == .checksum, request.headers.first(name: "x-amz-checksum-mode") == "ENABLED" {
            headers.append(("x-amz-checksum-sha256", S3Digest.base64(thing.sha256) + Self.suffix(thing)))
        }
        return headers
    }

    private func tag(_ thing: Thing) -> String {
        proof == .tag ? "\"\(S3Digest.hex(thing.md5))\(Self.suffix(thing))\"" : "\"any\""
    }

    private static func suffix(_ thing: Thing) -> String { thing.parts > 0 ? "-\(thing.parts)" : "" }

    private static func thing(_ request: FakeS3.Request) -> Thing {
        Thing(
            size: request.body.readableBytes, md5: S3Digest.md5([request.body]),
            sha256: S3Digest.sha256([request.body]))
    }
}
