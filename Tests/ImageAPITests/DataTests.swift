import AsyncHTTPClient
import Dispatch
import FilesystemStorage
import Foundation
import ImageCatalog
import ImageStorage
import ImportModel
import LeaseStore
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@Suite struct DataTests {
    private let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test func whatIsUploadedIsDownloaded() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            #expect(try await service.send(.GET, "/v2/images/\(id)/file").status == 204)
            let stored = try await service.upload(id, bytes)
            #expect(stored.status == 204, "\(stored.text)")
            let image = try await service.image(id)
            #expect(image["status"] == .string("active"))
            #expect(image["stores"] == .string("main"))
            #expect(image["size"] == .integer(100_000))
            let answer = try await service.send(.GET, "/v2/images/\(id)/file")
            #expect(answer.status == 200)
            #expect(answer.bytes == bytes)
            #expect(answer.headers.first(name: "Content-Length") == "100000")
            #expect(answer.headers.first(name: "Content-MD5") == PlainUploadRunner.digests.md5)
            #expect(answer.headers.first(name: "Content-Type") == "application/octet-stream")
            let head = try await service.send(.HEAD, "/v2/images/\(id)/file")
            #expect(head.status == 200)
            #expect(head.headers.first(name: "Content-Length") == "100000")
            #expect(try await service.upload(id, bytes).status == 409)
        }
    }

    @Test func aStoreThatHangsIsLeftForAnotherAndNotWaitedForWithoutEnd() async throws {
        try await RunningService.run(stall: .seconds(2)) { service in
            let id = try await service.newImage()
            let method = #"{"name": "web-download", "uri": "http://example.com/x"}"#
            _ = try await service.importImage(id, #"{"method": \#(method), "all_stores": true}"#)
            let nonce = Nonce.mint()
            let claimed = try await service.store.claim(
                nonce: nonce, process: service.process, stores: [service.main.id, service.second.id])
            guard case .task(let claim) = claimed else { throw InvalidValue("nothing to claim") }
            let key = ObjectKey(image: claim.task.image, nonce: nonce)
            let content = ImportedContent(
                sizeBytes: Int64(bytes.count), digests: PlainUploadRunner.digests,
                locations: [service.main.id: "\(key)", service.second.id: "\(key)"])
            for store in [service.main, service.second] {
                let writer = try await store.create(key, expectedBytes: content.sizeBytes)
                try await writer.write(ByteBuffer(bytes: bytes))
                try await writer.commit(
                    ObjectDescription(image: key.image, sizeBytes: content.sizeBytes, digests: content.digests))
            }
            let published = try await service.store.publish(
                AttemptID(task: claim.task.id, nonce: nonce), content, diskFormat: "raw", containerFormat: "bare",
                message: "")
            #expect(published == .published)

            // A store whose object is cut says so, and the other one is asked.
            let objects = try FileManager.default.subpathsOfDirectory(atPath: service.folder.path)
            let cut = try #require(objects.first { $0.hasPrefix("main/") && $0.hasSuffix(nonce.rawValue) })
            let path = service.folder.appendingPathComponent(cut).path
            let whole = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(truncate(path, 1000) == 0)
            #expect(try await service.send(.GET, "/v2/images/\(id)/file").bytes == bytes)
            try whole.write(to: URL(fileURLWithPath: path))

            // System calls that do not return, on the only thread that a store has.
            let hanging = DispatchSemaphore(value: 0)
            service.threads[0].submit { _ in hanging.wait() }
            let other = try await service.send(.GET, "/v2/images/\(id)/file")
            #expect(other.status == 200 && other.bytes == bytes)
            service.threads[1].submit { _ in hanging.wait() }
            let none = try await service.send(.GET, "/v2/images/\(id)/file")
            #expect(none.status == 503 && none.text.contains("try again later"), "\(none.text)")
            for _ in service.threads { hanging.signal() }
            #expect(try await service.send(.GET, "/v2/images/\(id)/file").bytes == bytes)
        }
    }

    @Test func rangesOfAnImageAreServed() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            try await service.makeActive(id, bytes)
            for (range, expected) in [
                ("bytes=0-9", bytes[0..<10]), ("bytes=99990-", bytes[99_990...]), ("bytes=-5", bytes[99_995...]),
                ("bytes=10-999999", bytes[10...]), ("bytes=-999999", bytes[0...]), ("bytes=5-5", bytes[5...5]),
            ] {
                let answer = try await service.send(.GET, "/v2/images/\(id)/file", [("Range", range)])
                #expect(answer.status == 206, "\(range)")
                #expect(answer.bytes == Array(expected), "\(range)")
                #expect(
                    answer.headers.first(name: "Content-Range")
                        == "bytes \(expected.startIndex)-\(expected.endIndex - 1)/100000")
            }
            for range in ["bytes=100000-", "bytes=-0"] {
                let answer = try await service.send(.GET, "/v2/images/\(id)/file", [("Range", range)])
                #expect(answer.status == 416)
                #expect(answer.headers.first(name: "Content-Range") == "bytes */100000")
            }
            for range in ["bytes=0-1,5-6", "bytes=x", "bytes=5-1", "bytes=", "bytes=--1"] {
                #expect(
                    try await service.send(.GET, "/v2/images/\(id)/file", [("Range", range)]).status == 400, "\(range)")
            }
            let old = try await service.send(.GET, "/v2/images/\(id)/file", [("Content-Range", "bytes 0-4/*")])
            #expect(old.status == 206)
            #expect(old.bytes == Array(bytes[0..<5]))
        }
    }

    @Test func stagedDataWaitsForItsImport() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            #expect(try await service.upload(id, bytes, to: "stage").status == 204)
            let image = try await service.image(id)
            #expect(image["status"] == .string("uploading"))
            #expect(image["size"] == .integer(100_000))
            #expect(image["stores"] == nil)
            let again = try await service.upload(id, bytes, to: "stage")
            #expect(again.status == 409)
            #expect(try await service.importImage(id).status == 409)
            #expect(try await service.importImage(id, #"{"method": {"name": "glance-direct"}}"#).status == 202)
            #expect(try await service.send(.GET, "/v2/images/\(id)/tasks").object["tasks"]?.array?.count == 1)
        }
    }

    @Test func anUploadIsCheckedBeforeItBegins() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let file = "/v2/images/\(id)/file"
            func body() -> HTTPClientRequest.Body { .bytes(ByteBuffer(bytes: bytes)) }
            #expect(try await service.send(.PUT, file, [("Content-Type", "text/plain")], body: body()).status == 415)
            #expect(try await service.send(.PUT, file, body: body()).status == 415)
            #expect(try await service.upload(id, bytes, [("x-openstack-image-size", "x")]).status == 400)
            #expect(try await service.upload(id, bytes, [("x-openstack-image-size", "5")]).status == 400)
            #expect(try await service.upload(id, bytes, [("X-Image-Meta-Store", "nope")]).status == 400)
            #expect(try await service.upload(ImageID.random().rawValue, bytes).status == 404)
            let bare = try await service.newImage("{}")
            #expect(try await service.upload(bare, bytes).status == 400)
            #expect(try await service.upload(bare, bytes, to: "stage").status == 204)
            #expect(try await service.upload(id, bytes, [("X-Image-Meta-Store", "second")]).status == 204)
            #expect(try await service.image(id)["stores"] == .string("second"))
        }
    }

    @Test func aBodyWithoutLengthIsTakenAndMeasured() async throws {
        try await RunningService.run { service in
            func send(_ id: String, blocks: Int, announced: Int?) async throws -> Int {
                let block = ByteBuffer(repeating: 7, count: 1 << 20)
                let stream = AsyncStream<ByteBuffer> { continuation in
                    for _ in 0..<blocks { continuation.yield(block) }
                    continuation.finish()
                }
                let size = announced.map { [("x-openstack-image-size", String($0))] } ?? []
                return try await service.send(
                    .PUT, "/v2/images/\(id)/file", [("Content-Type", "application/octet-stream")] + size,
                    body: .stream(stream, length: .unknown)
                ).status
            }
            let id = try await service.newImage()
            #expect(try await send(id, blocks: 2, announced: 1 << 20) == 400)
            #expect(try await send(id, blocks: 1, announced: 2 << 20) == 400)
            #expect(try await send(id, blocks: 6, announced: nil) == 413)
            #expect(try await send(id, blocks: 1, announced: 5 << 20) == 413)
            #expect(try await service.image(id)["status"] == .string("queued"))
            #expect(try await send(id, blocks: 3, announced: 3 << 20) == 204)
            #expect(try await service.image(id)["size"] == .integer(3 << 20))
        }
    }
}

extension RunningService {
    func upload(_ id: String, _ bytes: [UInt8], _ more: [(String, String)]) async throws -> Answer {
        try await upload(id, bytes, to: "file", more)
    }
}
