import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOHTTP1
import StorageConformance
import Synchronization
import TestSupport
import Testing

@testable import S3Storage

@Suite(.service(.seaweedFS)) struct SeaweedFSCopyTests {
    @Test(arguments: StorageConformance.copying)
    func `copies between two stores of one service`(check: StorageConformance.PairCheck) async throws {
        try await withTwoStores { try await check.run($0, $1) }
    }

    @Test func `a large object is copied in parts, step by step, with its description`() async throws {
        try await withTwoStores { store, other in
            let (original, key) = (newKey(), newKey())
            try await putBlocks(12, original, other)
            let steps = Steps()
            let description = ObjectDescription(
                image: key.image, name: "large", sizeBytes: 12 << 20, digests: ContentDigests(md5: "m", sha512: "s"))
            let copy = try await store.copy(original, of: other, to: key, description) { await steps.add($0) }
            #expect(copy == .doubtful)
            #expect(await steps.all == [0, 5 << 20, 10 << 20, 12 << 20])
            var number = 0
            var gathered = ByteBuffer()
            for try await piece in try await store.read(key, range: nil) {
                gathered.writeImmutableBuffer(piece)
                while let block = gathered.readSlice(length: 1 << 20) {
                    #expect(block == block1MiB(number))
                    number += 1
                }
            }
            #expect(number == 12 && gathered.readableBytes == 0)
            let sidecar = try #require(try await store.objects.get(store.location.name(of: key) + ".json"))
            #expect(try FleetJSON.decode(ObjectDescription.self, from: Data(sidecar.readableBytesView)) == description)
            #expect(try await store.objects.uploads(prefix: store.location.prefix, after: nil).uploads.isEmpty)
        }
    }

    @Test func `a copy that is ended between its parts leaves neither an object nor an upload`() async throws {
        try await withTwoStores { store, other in
            let (original, key) = (newKey(), newKey())
            try await putBlocks(12, original, other)
            let description = ObjectDescription(
                image: key.image, sizeBytes: 12 << 20, digests: ContentDigests(md5: "", sha512: ""))
            await #expect(throws: CancellationError.self) {
                try await store.copy(original, of: other, to: key, description) {
                    if $0 > 5 << 20 { throw CancellationError() }
                }
            }
            #expect(try await store.size(key) == nil)
            #expect(try await store.objects.uploads(prefix: store.location.prefix, after: nil).uploads.isEmpty)
            // Whoever takes the long way then finds nothing in it.
            let writer = try await store.create(key, expectedBytes: 1)
            try await writer.write(ByteBuffer(string: "x"))
            try await writer.commit(
                ObjectDescription(image: key.image, sizeBytes: 1, digests: ContentDigests(md5: "", sha512: "")))
            #expect(try await store.size(key) == 1)
        }
    }
}

/// What a service says of copies, and what is made of it.
@Suite struct S3CopyTests {
    @Test(arguments: [("aa", ObjectCopy.made), ("bb", .doubtful), ("a-2", .doubtful)])
    func `the tag of the copy is compared where that of the original is a digest`(
        tag: String, expected: ObjectCopy
    ) async throws {
        let md5 = String(repeating: "a", count: 32)
        let tagged = tag == "aa" ? md5 : tag == "bb" ? String(repeating: "b", count: 32) : tag
        let service = Copier(originalTag: md5, copyTag: tagged)
        try await withFake({ service.reply(to: $0) }) { store, fake in
            let (original, key) = (newKey(), newKey())
            service.original = store.location.name(of: original)
            let description = ObjectDescription(
                image: key.image, sizeBytes: 3, digests: ContentDigests(md5: md5, sha512: ""))
            #expect(try await store.copy(original, of: store, to: key, description, step: { _ in }) == expected)
            let copy = try #require(fake.requests.first { $0.headers.contains(name: "x-amz-copy-source") })
            #expect(copy.headers.first(name: "x-amz-copy-source") == "/images/\(original)")
            #expect(copy.headers.first(name: "x-amz-copy-source-if-match") == "\"\(md5)\"")
            #expect(copy.headers.first(name: "x-amz-metadata-directive") == "REPLACE")
        }
    }

    @Test(arguments: [(String(repeating: "b", count: 32), ObjectCopy.doubtful), ("o-2", .doubtful)])
    func `an original whose tag is not the image's digest is not trusted`(
        tag: String, expected: ObjectCopy
    ) async throws {
        let service = Copier(originalTag: tag, copyTag: tag)
        try await withFake({ service.reply(to: $0) }) { store, _ in
            let (original, key) = (newKey(), newKey())
            service.original = store.location.name(of: original)
            let description = ObjectDescription(
                image: key.image, sizeBytes: 3,
                digests: ContentDigests(md5: String(repeating: "a", count: 32), sha512: ""))
            let copy = try await store.copy(original, of: store, to: key, description, step: { _ in })
            #expect(copy == expected)
        }
    }

    @Test func `an original that has changed, and a service that does not copy, are errors of the store`() async throws
    {
        for reply in [
            FakeS3.Reply.error(412, "PreconditionFailed"), .error(501, "NotImplemented"),
            .answer(200, [], "<Error><Code>AccessDenied</Code></Error>"),
        ] {
            let service = Copier(originalTag: "o", copyTag: "c", answer: reply)
            try await withFake({ service.reply(to: $0) }) { store, _ in
                let (original, key) = (newKey(), newKey())
                service.original = store.location.name(of: original)
                let description = ObjectDescription(
                    image: key.image, sizeBytes: 3, digests: ContentDigests(md5: "", sha512: ""))
                await #expect(throws: StorageError.self) {
                    try await store.copy(original, of: store, to: key, description, step: { _ in })
                }
            }
        }
    }

    @Test func `stores of other services, regions or users are not asked`() async throws {
        try await withFake({ _ in .error(500, "InternalError") }) { store, fake in
            let changes: [(inout S3Configuration) -> Void] = [
                { $0.endpoint = "http://127.0.0.1:1" }, { $0.region = "eu-1" },
                {
                    $0.credentials = .fixed(
                        S3Credentials(accessKeyID: "AKID", secretAccessKey: "other", sessionToken: "shh"))
                },
            ]
            for change in changes {
                var configuration = store.configuration
                change(&configuration)
                try await withS3(configuration) { other in
                    let key = newKey()
                    let description = ObjectDescription(
                        image: key.image, sizeBytes: 3, digests: ContentDigests(md5: "", sha512: ""))
                    let copy = try await store.copy(key, of: other, to: key, description, step: { _ in })
                    #expect(copy == .notHere)
                }
            }
            #expect(fake.requests.isEmpty)
        }
    }
}

/// Has an object of three bytes, and makes copies of it.
private final class Copier: Sendable {
    private let name = Mutex("")
    private let writer = Mutex<String?>(nil)
    private let originalTag: String
    private let copyTag: String
    private let answer: FakeS3.Reply

    init(originalTag: String, copyTag: String, answer: FakeS3.Reply = .answer(200, [], "<CopyObjectResult/>")) {
        self.originalTag = originalTag
        self.copyTag = copyTag
        self.answer = answer
    }

    /// Its name in the bucket.
    var original: String {
        get { name.withLock { $0 } }
        set { name.withLock { $0 = newValue } }
    }

    func reply(to request: FakeS3.Request) -> FakeS3.Reply {
        if request.headers.contains(name: "x-amz-copy-source") {
            if case .answer(200, _, "<CopyObjectResult/>") = answer {
                writer.withLock { $0 = request.headers.first(name: "x-amz-meta-longshore-writer") }
            }
            return answer
        }
        guard request.method == "HEAD" else { return .answer(200, [("etag", "\"e\"")]) }
        if request.target.hasSuffix(original) {
            return .head(200, [("content-length", "3"), ("etag", "\"\(originalTag)\"")])
        }
        guard let writer = writer.withLock({ $0 }) else {
            // Of the bucket itself, or of a copy that is not there.
            return request.target.hasSuffix("/images") ? .head(200, []) : .head(404, [])
        }
        return .head(
            200,
            [("content-length", "3"), ("etag", "\"\(copyTag)\""), ("x-amz-meta-longshore-writer", writer)])
    }
}

private func newKey() -> ObjectKey { ObjectKey(image: .random(), nonce: .mint()) }

private actor Steps {
    private(set) var all: [Int64] = []
    func add(_ done: Int64) { all.append(done) }
}

private func withTwoStores(_ body: (S3Storage, S3Storage) async throws -> Void) async throws {
    let server = try #require(S3Server.current)
    let change = { (configuration: inout S3Configuration) in
        configuration.copyBytes = S3Configuration.leastPartBytes
        configuration.partBytes = S3Configuration.leastPartBytes
    }
    try await server.withStore(change) { store in
        try await server.withStore(change) { other in
            for each in [store, other] {
                try await each.setMarker(StoreMarker(catalogId: "catalog", mark: 1))
                try await each.check()
            }
            try await body(store, other)
        }
    }
}

/// 1 MiB that differs from block to block.
private func block1MiB(_ number: Int) -> ByteBuffer {
    ByteBuffer(repeating: UInt8(truncatingIfNeeded: number &* 37 &+ 11), count: 1 << 20)
}

private func putBlocks(_ count: Int, _ key: ObjectKey, _ store: S3Storage) async throws {
    let size = Int64(count) << 20
    let writer = try await store.create(key, expectedBytes: size)
    for number in 0..<count { try await writer.write(block1MiB(number)) }
    try await writer.commit(
        ObjectDescription(image: key.image, sizeBytes: size, digests: ContentDigests(md5: "", sha512: "")))
}
