import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import TestSupport
import Testing

@testable import S3Storage

/// What services do when they are broken, busy or hostile.
@Suite struct S3FaultTests {
    @Test(arguments: [
        FakeS3.Reply.error(500, "InternalError"), .error(503, "SlowDown"), .answer(429), .answer(502), .drop,
        .error(400, "BadDigest"),
        .answer(200, [], "<Error><Code>InternalError</Code></Error>"), .answer(200, [], "<html>"),
        .cutOff(200, announced: 5000, "<InitiateMultipart"),
    ])
    func `what may pass by itself is tried again`(fault: FakeS3.Reply) async throws {
        let calls = Mutex(0)
        let script: @Sendable (FakeS3.Request) -> FakeS3.Reply = { request in
            guard request.method == "POST" else { return .answer(404) }
            return calls.withLock {
                $0 += 1; return $0
            } < 3 ? fault : .started
        }
        try await withFake(script) { store, _ in _ = try await store.create(newKey(), expectedBytes: nil) }
        #expect(calls.withLock { $0 } == 3)
    }

    @Test func `a service that stays down is tried a bounded number of times`() async throws {
        try await withFake({ _ in .error(503, "SlowDown", "Please reduce your request rate") }) { store, service in
            await #expect {
                try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
            } throws: {
                guard case StorageError.unavailable = $0 else { return false }
                return "\($0)".contains("503 SlowDown (Please reduce your request rate)")
            }
            #expect(service.requests.count == 5)
        }
    }

    @Test(arguments: ["000", "042", "099"])
    func `an answer whose status is no status ends the call and not the process`(number: String) async throws {
        let service = try await ScriptedHTTPServer { _ in
            [.send("HTTP/1.1 \(number) Odd\r\nContent-Length: 0\r\n\r\n")]
        }
        var configuration = S3Configuration(
            endpoint: "http://127.0.0.1:\(service.port)", bucket: "images",
            credentials: .fixed(S3Credentials(accessKeyID: "AKID", secretAccessKey: "hush")))
        configuration.usesPathStyle = true
        configuration.retry = RetryPolicy(base: .milliseconds(2), cap: .milliseconds(4))
        try await withS3(configuration) { store in
            await #expect {
                try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
            } throws: {
                guard case StorageError.unavailable = $0 else { return false }
                return "\($0)".contains("the answer's status is \(Int(number) ?? -1), which is none")
            }
        }
        try await service.stop()
    }

    @Test(arguments: [
        (FakeS3.Reply.error(403, "RequestTimeTooSkewed"), "set the clock"),
        (.error(403, "AccessDenied"), "s3:PutObject"), (.error(403, "InvalidAccessKeyId"), "access-key-id"),
        (.error(403, "SignatureDoesNotMatch"), "secret-access-key"), (.error(403, "ExpiredToken"), "renew"),
        (.error(404, "NoSuchBucket"), "create the bucket"), (.error(501, "NotImplemented"), "lacks a call"),
        (
            .answer(301, [("location", "http://127.0.0.1:1/"), ("x-amz-bucket-region", "eu-north-1")]),
            "region eu-north-1"
        ),
        (.answer(302, [("location", "http://127.0.0.1:1/")]), "not redirected"),
        (
            .answer(400, [], "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-1</Region></Error>"),
            "region eu-1"
        ),
        (.answer(403), "grant that action"),
    ])
    func `what a person must mend is said at once`(reply: FakeS3.Reply, words: String) async throws {
        try await withFake({ _ in reply }) { store, service in
            await #expect {
                try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
            } throws: {
                if case StorageError.misconfigured = $0 { "\($0)".contains(words) } else { false }
            }
            #expect(service.requests.count == 1)
        }
    }

    @Test(arguments: [
        FakeS3.Reply.error(507, "InsufficientStorage"), .error(403, "QuotaExceeded"), .error(500, "XMinioStorageFull"),
    ])
    func `a store without room is full`(reply: FakeS3.Reply) async throws {
        try await withFake({ _ in reply }) { store, service in
            await #expect {
                try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
            } throws: { if case StorageError.full = $0 { true } else { false } }
            #expect(service.requests.count == 1)
        }
    }

    @Test(arguments: [
        FakeS3.Reply.flood(12 << 20), .answer(200, [], "<ListBucketResult>" + String(repeating: "<a>", count: 90_000)),
        .answer(200, [], ""), .answer(200, [], "\u{0}"), .cutOff(200, announced: 1 << 40, "<ListBucketResult>"),
    ])
    func `answers that make no sense are faults and nothing worse`(reply: FakeS3.Reply) async throws {
        try await withFake({ _ in reply }) { store, _ in
            await #expect {
                try await store.list(after: nil)
            } throws: { if case StorageError.unavailable = $0 { true } else { false } }
        }
    }

    @Test func `a listing that names nonsense is read past it`() async throws {
        let key = newKey()
        let entries = [
            "<Contents><Key>../../x</Key><Size>1</Size></Contents>",
            "<Contents><Key>\(key)</Key><Size>x</Size></Contents>",
            "<Contents><Size>1</Size></Contents>",
            "<Contents><Key>\(key)</Key><Size>5</Size><LastModified>soon</LastModified></Contents>",
        ]
        let xml = "<ListBucketResult>\(entries.joined())<IsTruncated>false</IsTruncated></ListBucketResult>"
        try await withFake({ _ in .answer(200, [], xml) }) { store, _ in
            let listed = try await store.list(after: nil).objects
            #expect(listed == [StoredObject(key: key, sizeBytes: 5, age: .zero, isCommitted: true)])
        }
    }

    @Test func `secrets that a service echoes are not told`() async throws {
        try await withFake({
            .error(403, "AccessDenied", "token \($0.headers.first(name: "x-amz-security-token") ?? "")")
        }) {
            store, _ in
            await #expect {
                try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
            } throws: { "\($0)".contains("token ***") && !"\($0)".contains("shh") }
        }
    }

    @Test func `a gateway that finds nothing is no store without a marker`() async throws {
        try await withFake({ $0.method == "HEAD" ? .head(404, []) : .answer(404, [], "nothing here") }) { store, _ in
            await #expect {
                try await store.marker()
            } throws: {
                if case StorageError.misconfigured(_, let reason) = $0 {
                    reason.contains("create the bucket")
                } else {
                    false
                }
            }
        }
    }

    @Test(arguments: [nil, 409, 412, 501] as [Int?])
    func `a new marker is written on condition that there is none, where the service knows that`(
        refusal: Int?
    ) async throws {
        let script: @Sendable (FakeS3.Request) -> FakeS3.Reply = { request in
            let isConditional = request.headers.first(name: "if-none-match") == "*"
            if isConditional, let refusal { return .error(refusal, "PreconditionFailed") }
            return FakeS3.plain(request)
        }
        try await withFake(script) { store, fake in
            try await store.setMarker(StoreMarker(catalogId: "c", mark: 1), ifAbsent: true)
            let conditions = fake.requests.map { $0.headers.first(name: "if-none-match") }
            #expect(conditions == (refusal == 501 ? ["*", nil] : ["*"]))
        }
    }

    @Test func `over TLS the service must be known by ca-file or by the system`() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificates = try TestCertificates(in: folder)
        let tls = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: NIOSSLCertificate.fromPEMFile(certificates.serverCertificate)
                    .map { .certificate($0) },
                privateKey: .privateKey(NIOSSLPrivateKey(file: certificates.serverKey, format: .pem))))
        let service = try await ScriptedHTTPServer(tls: tls) { _ in
            ScriptedHTTPServer.answer("404 Not Found", body: "<Error><Code>NoSuchKey</Code></Error>")
        }
        var configuration = S3Configuration(
            endpoint: "https://localhost:\(service.port)", bucket: "images",
            credentials: .fixed(S3Credentials(accessKeyID: "a", secretAccessKey: "b")))
        configuration.usesPathStyle = true
        try await withS3(configuration) { store in
            await #expect {
                try await store.marker()
            } throws: {
                if case StorageError.misconfigured(_, let reason) = $0 { reason.contains("set ca-file") } else { false }
            }
        }
        configuration.caFile = certificates.authority
        try await withS3(configuration) { store in
            let marker = try await store.marker()
            #expect(marker == nil)
        }
        try await service.stop()
    }

    @Test func `a service that knows neither conditions nor checksums is found to be so`() async throws {
        let script: @Sendable (FakeS3.Request) -> FakeS3.Reply = { request in
            if request.headers.contains(name: "x-amz-checksum-sha256") { return .error(501, "NotImplemented") }
            if request.target.hasSuffix(".longshore-store") { return .answer(200, [], #"{"catalog_id":"c","mark":1}"#) }
            return FakeS3.plain(request)
        }
        try await withFake(script) { store, _ in
            try await store.check()
            #expect(store.traits == S3Traits())
        }
    }

    @Test func `bodies are signed, and the parts that are named are ours`() async throws {
        try await withFake({ FakeS3.plain($0) }) { store, service in
            let writer = try await store.create(newKey(), expectedBytes: nil)
            try await writer.write(ByteBuffer(repeating: 7, count: 10 << 20))
            await #expect(throws: StorageError.self) { try await writer.commit(describe(newKey(), 10 << 20)) }
            let parts = service.requests.filter { $0.has("partNumber") }
            #expect(parts.map(\.body.readableBytes).sorted() == [4 << 20, 6 << 20])
            for part in parts {
                let hash = S3Digest.hex(S3Digest.sha256([part.body]))
                #expect(part.headers.first(name: "x-amz-content-sha256") == hash)
            }
            let complete = try #require(service.requests.last { $0.method == "POST" && $0.has("uploadId") })
            let xml = try #require(S3XML(parsing: complete.body.readableBytesView))
            #expect(xml.all("Part").map { $0.value("PartNumber") } == ["1", "2"])
            #expect(xml.all("Part").map { $0.value("ETag") } == ["\"part-1\"", "\"part-2\""])
        }
    }

    @Test func `an upload whose beginning was not answered does not stay beside the one that was`() async throws {
        let begun = Mutex(0)
        let script: @Sendable (FakeS3.Request) -> FakeS3.Reply = { request in
            if request.method == "POST", request.has("uploads") {
                return begun.withLock {
                    $0 += 1; return $0
                } == 1 ? .drop : .started
            }
            guard request.method == "GET", request.has("uploads"),
                let name = URLComponents(string: request.target)?.queryItems?.first(where: { $0.name == "prefix" })?
                    .value
            else { return FakeS3.plain(request) }
            let uploads = ["u0", "u1"].map { "<Upload><Key>\(name)</Key><UploadId>\($0)</UploadId></Upload>" }
            return .answer(
                200, [], "<ListMultipartUploadsResult>\(uploads.joined())</ListMultipartUploadsResult>")
        }
        try await withFake(script) { store, service in
            let writer = try await store.create(newKey(), expectedBytes: nil)
            let aborted = service.requests.filter { $0.method == "DELETE" }.map(\.target)
            #expect(aborted.count == 1 && aborted.allSatisfy { $0.hasSuffix("uploadId=u0") }, "\(aborted)")
            await writer.abandon()
        }
    }

    @Test func `a failed part ends the writer, and giving up leaves nothing under way`() async throws {
        let script: @Sendable (FakeS3.Request) -> FakeS3.Reply = {
            $0.has("partNumber") ? .error(404, "NoSuchUpload") : FakeS3.plain($0)
        }
        try await withFake(script) { store, service in
            let writer = try await store.create(newKey(), expectedBytes: nil)
            await #expect(throws: StorageError.self) {
                for _ in 0..<8 { try await writer.write(ByteBuffer(repeating: 7, count: 8 << 20)) }
            }
            await #expect(throws: StorageError.self) { try await writer.write(ByteBuffer(string: "x")) }
            await writer.abandon()
            let count = service.requests.count
            await #expect(throws: StorageError.self) { try await writer.commit(describe(newKey(), 0)) }
            #expect(service.requests.count == count)
        }
    }
}

private func newKey() -> ObjectKey { ObjectKey(image: .random(), nonce: .mint()) }

private func describe(_ key: ObjectKey, _ size: Int64) -> ObjectDescription {
    ObjectDescription(image: key.image, sizeBytes: size, digests: ContentDigests(md5: "", sha512: ""))
}
