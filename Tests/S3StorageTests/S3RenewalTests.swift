import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import S3Storage

/// Credentials that expire while they are used, and are renewed in their file.
@Suite struct S3RenewalTests {
    private static let expired = FakeS3.Reply.error(400, "ExpiredToken")

    @Test func `credentials that have expired are read again`() async throws {
        try await withExpiring { file in
            { request in
                if request.isSigned(by: "NEW") { return .answer(200, [("etag", "\"new\"")]) }
                file.write("NEW")
                return Self.expired
            }
        } body: { store, service in
            try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
            #expect(service.requests.count == 2)
        }
    }

    @Test func `requests side by side whose credentials expire are all sent again`() async throws {
        let bothAreThere = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let refused = Mutex(0)
        try await withExpiring { file in
            { request in
                guard request.partNumber != nil, request.isSigned(by: "OLD") else { return FakeS3.plain(request) }
                file.write("NEW")
                let count = refused.withLock { count in
                    count += 1
                    return count
                }
                if count == 2 { bothAreThere.succeed() }
                return .after(bothAreThere.futureResult, Self.expired)
            }
        } body: { store, service in
            let writer = try await store.create(newKey(), expectedBytes: nil)
            for _ in 0..<2 { try await writer.write(ByteBuffer(repeating: 7, count: 6 << 20)) }
            // The fake keeps nothing, so the end of a commit is that the object is not there.
            await #expect {
                try await writer.commit(describe(newKey(), 12 << 20))
            } throws: { "\($0)".contains("was removed while it was being committed") }
            let parts = service.requests.filter { $0.partNumber != nil }
            #expect(parts.filter { $0.isSigned(by: "OLD") }.count == 2)
            #expect(Set(parts.filter { $0.isSigned(by: "NEW") }.map(\.partNumber)) == [1, 2])
        }
    }

    @Test(arguments: [400, 401, 403])
    func `a refused HEAD, which has no words, is asked again with what is in the file`(status: Int) async throws {
        try await withExpiring { file in
            { request in
                if request.isSigned(by: "NEW") { return .head(200, [("content-length", "5")]) }
                file.write("NEW")
                return .head(status, [])
            }
        } body: { store, _ in
            let size = try await store.size(newKey())
            #expect(size == 5)
        }
    }

    @Test func `a refusal stays one where the file has nothing new`() async throws {
        try await withExpiring { _ in
            { _ in Self.expired }
        } body: { store, service in
            await #expect {
                try await store.setMarker(StoreMarker(catalogId: "c", mark: 1))
            } throws: { "\($0)".contains("renew the credentials") }
            #expect(service.requests.count == 1)
        }
    }

    /// Runs `body` with a store whose file of credentials names `OLD` until the script writes another.
    private func withExpiring(
        _ script: (CredentialsFile) -> @Sendable (FakeS3.Request) -> FakeS3.Reply,
        body: (S3Storage, FakeS3) async throws -> Void
    ) async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = CredentialsFile(url: folder.appendingPathComponent("credentials"))
        file.write("OLD")
        try await withFake(
            script(file), { $0.credentials = .file(path: file.url.path, profile: "default") }, body)
    }
}

private struct CredentialsFile: Sendable {
    let url: URL

    func write(_ id: String) {
        let text = "[default]\naws_access_key_id=\(id)\naws_secret_access_key=s\n"
        do { try Data(text.utf8).write(to: url, options: .atomic) } catch {
            Issue.record("\(url.path) cannot be written: \(error)")
        }
    }
}

private func newKey() -> ObjectKey { ObjectKey(image: .random(), nonce: .mint()) }

private func describe(_ key: ObjectKey, _ size: Int64) -> ObjectDescription {
    ObjectDescription(image: key.image, sizeBytes: size, digests: ContentDigests(md5: "", sha512: ""))
}
