import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOHTTP1
import StorageConformance
import TestSupport
import Testing

@testable import S3Storage

@Suite(.service(.seaweedFS)) struct SeaweedFSTests {
    @Test(arguments: StorageConformance.checks)
    func `keeps the contract of stores`(check: StorageConformance.Check) async throws {
        try await withReadyStore { try await check.run($0) }
    }

    @Test(arguments: StorageConformance.resuming)
    func `goes on with what another writer has begun`(check: StorageConformance.Check) async throws {
        try await withReadyStore { try await check.run($0) }
    }

    @Test(arguments: StorageConformance.checks)
    func `keeps the contract of stores with the bucket in the name of the host`(
        check: StorageConformance.Check
    ) async throws {
        let server = try #require(S3Server.current)
        let change = { (configuration: inout S3Configuration) in
            configuration.usesPathStyle = false
            configuration.endpoint = server.virtualHostEndpoint
            configuration.addresses = ["\(S3Server.bucket).\(S3Server.domain)": "127.0.0.1"]
        }
        try await withReadyStore(change) { try await check.run($0) }
    }

    @Test func `bytes that are not those of their checksum are refused`() async throws {
        try await withReadyStore { store in
            let name = store.location.prefix + "flipped"
            let header = ("x-amz-checksum-sha256", S3Digest.base64(S3Digest.sha256(Array("longshore".utf8))))
            let flipped = S3Payload(text: "longshorE")
            let id = try await store.objects.createUpload(name, writer: "test", checksums: true)
            for query in [[], [("partNumber", "1"), ("uploadId", id)]] {
                let request = S3Request(
                    action: "s3:PutObject", method: .PUT, name: name, query: query, headers: [header], body: flipped)
                await #expect {
                    try await store.objects.send(request)
                } throws: { ($0 as? S3CallFailure)?.refusal?.code == "BadDigest" }
            }
            #expect(try await store.objects.head(name) == nil)
            try await store.objects.abort(id, name)
        }
    }

    @Test func `what a probe that was killed has left is swept by a later one, and nothing else is`() async throws {
        try await withReadyStore { store in
            let prefix = store.location.prefix
            let (stray, kept) = (prefix + ".longshore-check.stray", prefix + "notes.txt")
            for name in [stray, kept] {
                try await store.objects.put(name, S3Payload(text: "x"))
                _ = try await store.objects.createUpload(name, writer: "test", checksums: false)
            }
            _ = try await S3Probe(objects: store.objects, prefix: prefix).run()
            #expect(try await store.objects.head(stray) != nil, "it may be in use")
            _ = try await S3Probe(objects: store.objects, prefix: prefix, strayAge: 0).run()
            let left = try await store.objects.objects(prefix: prefix, after: nil).objects.map(\.name)
            #expect(Set(left) == [kept, prefix + S3Storage.markerName])
            #expect(try await store.objects.uploads(prefix: prefix, after: nil).uploads.map(\.name) == [kept])
        }
    }

    @Test func `a service that has everything is found to have it, and the probe leaves nothing`() async throws {
        try await withReadyStore { store in
            #expect(
                store.traits
                    == S3Traits(
                        conditionalPut: true, conditionalComplete: true, checksums: true, putProof: .checksum,
                        completeProof: .checksum, continuation: .withTags))
            let left = try await store.objects.objects(prefix: store.location.prefix, after: nil).objects
            #expect(left.map(\.name) == [store.location.prefix + S3Storage.markerName])
            #expect(try await store.objects.uploads(prefix: store.location.prefix, after: nil).uploads.isEmpty)
        }
    }

    @Test(arguments: [true, false], [1, 3])
    func `64 MiB go in parts and come back`(isKnown: Bool, parallelParts: Int) async throws {
        let change = { (configuration: inout S3Configuration) in
            configuration.partBytes = S3Configuration.leastPartBytes
            configuration.parallelParts = parallelParts
            configuration.budgetBytes = 6 << 20
        }
        try await withReadyStore(change) { store in
            let key = newKey()
            let size: Int64 = 64 << 20
            let writer = try await store.create(key, expectedBytes: isKnown ? size : nil)
            for number in 0..<64 { try await writer.write(block(number)) }
            #expect(try await store.size(key) == nil)
            let description = ObjectDescription(
                image: key.image, name: "noble – 24.04", owner: "p1", diskFormat: "raw", sizeBytes: size,
                digests: ContentDigests(md5: "m", sha512: "s"))
            try await writer.commit(description)
            var read: Int64 = 0
            var expected = ByteBuffer()
            for try await bytes in try await store.read(key, range: nil) {
                var bytes = bytes
                while bytes.readableBytes > 0 {
                    if expected.readableBytes == 0 { expected = block(Int(read >> 20)) }
                    let count = min(bytes.readableBytes, expected.readableBytes)
                    #expect(bytes.readSlice(length: count) == expected.readSlice(length: count))
                    read += Int64(count)
                }
            }
            #expect(read == size)
            let sidecar = try await store.objects.get(store.location.name(of: key) + ".json")
            let json = try #require(sidecar.map { Data($0.readableBytesView) })
            #expect(try FleetJSON.decode(ObjectDescription.self, from: json) == description)
        }
    }

    @Test func `deleting ends every upload of the key, and those of no other`() async throws {
        try await withReadyStore { store in
            let (key, other) = (newKey(), newKey())
            for _ in 0..<3 { _ = try await store.create(key, expectedBytes: nil) }
            _ = try await store.create(other, expectedBytes: nil)
            try await store.delete(key)
            let left = try await store.objects.uploads(prefix: store.location.prefix, after: nil).uploads
            #expect(left.map(\.name) == [store.location.name(of: other)])
        }
    }

    @Test func `a description without an object is listed as unfinished, and what is not ours is not`() async throws {
        try await withReadyStore { store in
            let (whole, half) = (newKey(), newKey())
            let writer = try await store.create(whole, expectedBytes: 0)
            try await writer.commit(
                ObjectDescription(image: whole.image, sizeBytes: 0, digests: ContentDigests(md5: "", sha512: "")))
            for name in [store.location.name(of: half) + ".json", store.location.prefix + "notes.txt"] {
                try await store.objects.put(name, S3Payload(text: "{}"))
            }
            var listed: [ObjectKey: Bool] = [:]
            var cursor: String?
            repeat {
                let page = try await store.list(after: cursor)
                for object in page.objects { listed[object.key] = object.isCommitted }
                cursor = page.next
            } while cursor != nil
            #expect(listed == [whole: true, half: false])
        }
    }

    @Test func `wrong credentials and missing buckets are for a person to mend`() async throws {
        let server = try #require(S3Server.current)
        let wrong: [(String, @Sendable (inout S3Configuration) -> Void)] = [
            (
                "secret-access-key",
                { $0.credentials = .fixed(S3Credentials(accessKeyID: S3Server.accessKeyID, secretAccessKey: "hush")) }
            ),
            (
                "access-key-id",
                { $0.credentials = .fixed(S3Credentials(accessKeyID: "nobody", secretAccessKey: "hush")) }
            ),
            ("bucket", { $0.bucket = "missing" }),
        ]
        for (word, change) in wrong {
            try await server.withStore(change) { store in
                let key = newKey()
                for attempt in [
                    { _ = try await store.create(key, expectedBytes: nil) },
                    { _ = try await store.marker() },
                    { _ = try await store.list(after: nil) },
                    { try await store.setMarker(StoreMarker(catalogId: "c", mark: 1)) },
                    { try await store.check() },
                ] as [() async throws -> Void] {
                    await #expect { try await attempt() } throws: {
                        guard case StorageError.misconfigured(_, let reason) = $0 else { return false }
                        // An answer to HEAD has no body, so no more than the call is known.
                        return !reason.contains("hush") && (reason.contains(word) || reason.contains("403; grant"))
                    }
                }
                await #expect(throws: StorageError.self) { try await store.size(key) }
                await #expect(throws: StorageError.self) { try await store.read(key, range: nil) }
            }
        }
    }

    @Test func `a bucket without a marker is not used`() async throws {
        let server = try #require(S3Server.current)
        try await server.withStore({ _ in }) { store in
            let marker = try await store.marker()
            #expect(marker == nil)
            await #expect { try await store.check() } throws: { "\($0)".contains("no .longshore-store") }
        }
    }

    private func withReadyStore(
        _ change: (inout S3Configuration) -> Void = { _ in }, _ body: (S3Storage) async throws -> Void
    ) async throws {
        try await readyStore(change, body)
    }
}

/// A second implementation, so that nothing holds for one service only.
@Suite(.service(.moto)) struct MotoTests {
    @Test(arguments: StorageConformance.checks)
    func `keeps the contract of stores`(check: StorageConformance.Check) async throws {
        try await readyStore { try await check.run($0) }
    }

    @Test func `a service that shows no checksums is found to tag objects by their bytes`() async throws {
        try await readyStore { store in
            #expect(store.traits.putProof == .tag && store.traits.completeProof == .tag)
            let left = try await store.objects.uploads(prefix: store.location.prefix, after: nil).uploads
            #expect(left.isEmpty)
        }
    }

    @Test func `parts that are too small are refused when the upload ends, and no object appears`() async throws {
        try await readyStore { store in
            let key = newKey()
            let plan = PartPlan(least: 1024, expectedBytes: nil)
            let writer = try await S3Writer(key: key, expectedBytes: nil, plan: plan, in: store)
            try await writer.write(ByteBuffer(repeating: 7, count: 4096))
            let description = ObjectDescription(
                image: key.image, sizeBytes: 4096, digests: ContentDigests(md5: "", sha512: ""))
            await #expect {
                try await writer.commit(description)
            } throws: { "\($0)".contains("EntityTooSmall") }
            await writer.abandon()
            #expect(try await store.size(key) == nil)
        }
    }

    @Test func `a bucket that is missing is for a person to make`() async throws {
        let server = try #require(S3Server.current)
        try await server.withStore({ $0.bucket = "missing" }) { store in
            for attempt in [
                { _ = try await store.create(newKey(), expectedBytes: nil) },
                { _ = try await store.marker() }, { _ = try await store.size(newKey()) },
                { try await store.check() },
            ] as [() async throws -> Void] {
                await #expect { try await attempt() } throws: {
                    if case StorageError.misconfigured(_, let reason) = $0 {
                        reason.contains("NoSuchBucket")
                    } else {
                        false
                    }
                }
            }
        }
    }
}

private func readyStore(
    _ change: (inout S3Configuration) -> Void = { _ in }, _ body: (S3Storage) async throws -> Void
) async throws {
    let server = try #require(S3Server.current)
    try await server.withStore(change) { store in
        try await store.setMarker(StoreMarker(catalogId: "catalog", mark: 1))
        try await store.check()
        try await body(store)
    }
}

private func newKey() -> ObjectKey { ObjectKey(image: .random(), nonce: .mint()) }

/// 1 MiB that differs from block to block.
private func block(_ number: Int) -> ByteBuffer {
    ByteBuffer(repeating: UInt8(truncatingIfNeeded: number &* 37 &+ 11), count: 1 << 20)
}
