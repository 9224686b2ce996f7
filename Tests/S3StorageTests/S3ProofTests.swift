import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOHTTP1
import Testing

@testable import S3Storage

/// What is in the store is compared with what was written, as far as the service shows it.
@Suite struct S3ProofTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let proof: S3Proof
        let isUpload: Bool
        /// The service keeps conditions, and the answer to the request that makes the object is lost.
        let isGuarded: Bool

        var testDescription: String {
            "\(proof)\(isUpload ? ", upload" : "")\(isGuarded ? ", reply lost" : "")"
        }
    }

    static let cases = [S3Proof.checksum, .tag, .none].flatMap { proof in
        [true, false].flatMap { isUpload in
            [true, false].map { Case(proof: proof, isUpload: isUpload, isGuarded: $0) }
        }
    }

    @Test(arguments: cases, [true, false])
    func `an object with other bytes of the same size is no success where that can be seen`(
        shown: Case, isWrong: Bool
    ) async throws {
        let service = TaggingService(shows: shown.proof, isGuarded: shown.isGuarded)
        try await withFake({ service.reply(to: $0) }) { store, _ in
            try await store.probe()
            #expect(store.traits.putProof == shown.proof && store.traits.completeProof == shown.proof)
            #expect(store.traits.conditionalComplete == shown.isGuarded)
            service.goWrong(object: isWrong, losesReply: shown.isGuarded)
            let failed = try await isRefused("was not stored as it was written") {
                try await write("longshore", store, isUpload: shown.isUpload)
            }
            #expect(failed == (isWrong && shown.proof != .none))
        }
    }

    @Test
    func `that uploads cannot be gone on with is learned from the service alone, and not from a call that failed`()
        async throws
    {
        let service = TaggingService(shows: .tag, isGuarded: false)
        for (status, code) in [(501, "NotImplemented"), (503, "SlowDown")] {
            let script: @Sendable (FakeS3.Request) -> FakeS3.Reply = { request in
                let isListing = request.method == "GET" && request.has("uploadId")
                return isListing ? .error(status, code) : service.reply(to: request)
            }
            try await withFake(script) { store, _ in
                try await store.probe()
                #expect(store.traits.asksAgain == (status == 503))
                #expect(store.traits.continuation == nil)
            }
        }
    }

    @Test func `a part with another tag than its bytes have ends the writer`() async throws {
        let service = TaggingService(shows: .tag, isGuarded: false)
        try await withFake({ service.reply(to: $0) }) { store, _ in
            try await store.probe()
            service.goWrong(part: true)
            #expect(
                try await isRefused("part 1 has another tag than its bytes") {
                    try await write("longshore", store, isUpload: true)
                })
        }
    }

    @Test func `every part carries the checksum of its bytes, and the end of the upload names it`() async throws {
        let service = TaggingService(shows: .checksum, isGuarded: true)
        try await withFake({ service.reply(to: $0) }) { store, fake in
            try await store.probe()
            let before = fake.requests.count
            let plan = PartPlan(least: 4, expectedBytes: nil)
            let writer = try await S3Writer(key: newKey(), expectedBytes: nil, plan: plan, in: store)
            try await writer.write(ByteBuffer(string: "longshore"))
            try await writer.commit(describe(9))
            let calls = fake.requests.dropFirst(before)
            let begin = try #require(calls.first { $0.method == "POST" && $0.has("uploads") })
            #expect(begin.headers.first(name: "x-amz-checksum-algorithm") == "SHA256")
            let sums = ["long", "shor", "e"].map { S3Digest.base64(S3Digest.sha256(Array($0.utf8))) }
            for part in calls where part.partNumber != nil {
                #expect(part.headers.first(name: "x-amz-checksum-sha256") == sums[(part.partNumber ?? 0) - 1])
            }
            let end = try #require(calls.last { $0.method == "POST" && $0.has("uploadId") })
            let xml = try #require(S3XML(parsing: end.body.readableBytesView))
            #expect(xml.all("Part").map { $0.value("ChecksumSHA256") } == sums)
        }
    }

    private func write(_ text: String, _ store: S3Storage, isUpload: Bool) async throws {
        let size = Int64(text.utf8.count)
        let writer = try await store.create(newKey(), expectedBytes: isUpload ? nil : size)
        try await writer.write(ByteBuffer(string: text))
        try await writer.commit(describe(size))
    }

    /// Whether the call fails with these words; any other error is one of the test.
    private func isRefused(_ words: String, _ call: () async throws -> Void) async throws -> Bool {
        do { try await call() } catch {
            guard "\(error)".contains(words) else { throw error }
            return true
        }
        return false
    }
}

private func newKey() -> ObjectKey { ObjectKey(image: .random(), nonce: .mint()) }

private func describe(_ size: Int64) -> ObjectDescription {
    ObjectDescription(image: .random(), sizeBytes: size, digests: ContentDigests(md5: "", sha512: ""))
}
