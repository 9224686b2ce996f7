import Foundation
import ImageAPI
import ImageCatalog
import ImportModel
import LeaseStore
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing
import TestSupport

/// What becomes of connections when the service is told to stop.
@Suite(.timeLimit(.minutes(2))) struct StopTests {
    @Test func `An upload that has begun comes to its end, and nothing new begins`() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            try await Wire.open(service.port) { wire in
                await wire.send(RawRequest.upload(id, "Expect: 100-continue\r\nTransfer-Encoding: chunked"))
                _ = try await wire.read(until: "HTTP/1.1 100 Continue\r\n\r\n")
                await wire.send("5\r\nhello\r\n")
                await service.group.triggerGracefulShutdown()
                try await refusesConnections(service)
                await wire.send("6\r\n world\r\n0\r\n\r\n")
                let answer = try await wire.read(until: "\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 204 No Content\r\n"))
                #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
                #expect(await wire.countToEnd() == 0)
            }
            let image = try await service.store.image(try #require(ImageID(rawValue: id)))
            #expect(image?.status == .active)
            #expect(image?.sizeBytes == 11)
        }
    }

    @Test func `A download that has begun comes to its end`() async throws {
        let bytes = 8 << 20
        try await RunningService.run({ $0.maxUploadBytes = 8 << 20 }) { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [UInt8](repeating: 7, count: bytes))
            try await Wire.open(service.port, receiveBytes: 64 << 10) { wire in
                await wire.send(RawRequest.get("/v2/images/\(id)/file"))
                let begin = try await wire.read(until: "\r\n\r\n")
                let head = try #require(begin.range(of: "\r\n\r\n"))
                await service.group.triggerGracefulShutdown()
                try await refusesConnections(service)
                let rest = await wire.countToEnd()
                #expect(begin[head.upperBound...].utf8.count + rest == bytes)
            }
        }
    }

    @Test func `A connection between two requests is closed at once, a request that has begun to come is answered`()
        async throws
    {
        try await RunningService.run { service in
            try await Wire.open(service.port) { idle in
                await idle.send(RawRequest.get("/versions"))
                _ = try await idle.read(until: "\r\n\r\n")
                try await Wire.open(service.port) { begun in
                    await begun.send("GET /versions HT")
                    // Both have been read from when a later one was answered by the same few threads.
                    for _ in 0..<16 { _ = try await service.send(.GET, "/healthz") }
                    await service.group.triggerGracefulShutdown()
                    _ = await idle.countToEnd()
                    await begun.send("TP/1.1\r\nHost: x\r\n\r\n")
                    let answer = try await begun.read(until: "\r\n\r\n")
                    #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                    _ = await begun.countToEnd()
                }
            }
        }
    }

    @Test func `What takes longer than the bound is cut off, and its image can be uploaded again`() async throws {
        try await RunningService.run({ $0.drainTimeout = .milliseconds(100) }) { service in
            let id = try await service.newImage()
            try await Wire.open(service.port) { wire in
                await wire.send(RawRequest.upload(id, "Expect: 100-continue\r\nContent-Length: 1000"))
                _ = try await wire.read(until: "HTTP/1.1 100 Continue\r\n\r\n")
                await service.group.triggerGracefulShutdown()
                _ = await wire.countToEnd()
            }
            let image = try #require(ImageID(rawValue: id))
            try await eventually { try await service.store.image(image)?.status == .queued }
        }
    }

    private func refusesConnections(_ service: RunningService) async throws {
        try await eventually {
            do {
                try await Wire.open(service.port) { _ in }
                return false
            } catch {
                return true
            }
        }
    }
}
