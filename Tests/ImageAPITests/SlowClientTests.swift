@testable import ImageAPI
import ImageCatalog
import ImportModel
import NIOCore
import NIOHTTP1
import Testing
import TestSupport

/// Clients that keep a connection waiting. Without the limit each of these would not come to its end.
@Suite(.timeLimit(.minutes(2))) struct SlowClientTests {
    @Test func `A head that does not come ends the connection`() async throws {
        let log = CapturedLog()
        try await RunningService.run({ $0.limits.head = .milliseconds(100) }, log: log) { service in
            for start in ["", "GET /v2/ima"] {
                try await Wire.open(service.port) { wire in
                    await wire.send(start)
                    #expect(await wire.countToEnd() == 0)
                }
            }
        }
        #expect(log.lines.count { $0.contains("the head of a request did not come peer=127.0.0.1") } == 2)
    }

    @Test func `A connection without further requests is closed`() async throws {
        try await RunningService.run({ $0.limits.idle = .milliseconds(100) }) { service in
            try await Wire.open(service.port) { wire in
                await wire.send(RawRequest.get("/versions"))
                let answer = try await wire.read(until: "\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                _ = await wire.countToEnd()
            }
        }
    }

    @Test func `An upload that drips is cut off, and the image can be uploaded again`() async throws {
        try await RunningService.run({ $0.limits.client = .seconds(1) }) { service in
            let id = try await service.newImage()
            try await Wire.open(service.port) { wire in
                await wire.send(RawRequest.upload(id, "Transfer-Encoding: chunked"))
                // A byte now and then, which would go on for ever.
                while await wire.send("1\r\nx\r\n") { try await Task.sleep(for: .milliseconds(20)) }
            }
            try await eventually { try await service.image(id)["status"] == .string("queued") }
            try await service.makeActive(id, [1, 2, 3])
        }
    }

    @Test func `A download that is not read is cut off`() async throws {
        let log = CapturedLog()
        let configure: (inout ImageService.Configuration) -> Void = { configuration in
            configuration.limits.client = .seconds(1)
            configuration.maxUploadBytes = 64 << 20
        }
        try await RunningService.run(configure, log: log) { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [UInt8](repeating: 7, count: 16 << 20))
            try await Wire.open(service.port, receiveBytes: 64 << 10) { wire in
                await wire.send(RawRequest.get("/v2/images/\(id)/file"))
                _ = try await wire.read(until: "\r\n\r\n")
                try await eventually { log.lines.contains { $0.contains("an answer was not read") } }
                #expect(await wire.countToEnd() < 16 << 20)
            }
        }
    }

    @Test func `More downloads than may go on at once are told to come again, and may when one has ended`() async throws
    {
        let configure: (inout ImageService.Configuration) -> Void = { configuration in
            configuration.maxDownloads = 1
            configuration.maxUploadBytes = 64 << 20
        }
        try await RunningService.run(configure) { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [UInt8](repeating: 7, count: 16 << 20))
            let file = "/v2/images/\(id)/file"
            try await Wire.open(service.port, receiveBytes: 64 << 10) { wire in
                await wire.send(RawRequest.get(file))
                _ = try await wire.read(until: "\r\n\r\n")
                let refused = try await service.send(.GET, file)
                #expect(refused.status == 503 && refused.headers.first(name: "Retry-After") == "5", "\(refused.text)")
            }
            // The place of an answer is free a moment after its last byte is there.
            for method in [HTTPMethod.GET, .HEAD, .GET] {
                try await eventually { try await service.send(method, file).status == 200 }
            }
        }
    }

    @Test func `A download that is read slowly but steadily comes to its end`() async throws {
        let configure: (inout ImageService.Configuration) -> Void = { configuration in
            configuration.limits.client = .seconds(2)
            configuration.maxUploadBytes = 64 << 20
        }
        try await RunningService.run(configure) { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [UInt8](repeating: 7, count: 16 << 20))
            try await Wire.open(service.port, receiveBytes: 64 << 10) { wire in
                await wire.send(RawRequest.get("/v2/images/\(id)/file"))
                var count = 0
                while count < 16 << 20 {
                    let text = try await wire.read(until: "\u{7}")
                    try #require(!text.isEmpty)
                    count += text.utf8.count
                    // The client's pace: a few MiB a second, so that all takes longer than the limit.
                    try await Task.sleep(for: .milliseconds(10))
                }
            }
        }
    }

    @Test func `A download runs no further ahead when its connection has to wait for others`() async throws {
        let held = LoopHoldingStorage.Loops()
        let configure: (inout ImageService.Configuration) -> Void = { $0.maxUploadBytes = 64 << 20 }
        try await RunningService.run(configure, wrapping: { LoopHoldingStorage(base: $0, loops: held) }) { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [UInt8](repeating: 7, count: 32 << 20))
            let whole = try await service.send(.GET, "/v2/images/\(id)/file")
            #expect(whole.bytes.count == 32 << 20)
            #expect(held.blocks.map { $0.whileHeld <= 3 && $0.all == 32 } == true, "\(String(describing: held.blocks))")
        }
    }

    @Test func `A stream in which nothing happens is not cut off`() async throws {
        try await RunningService.run({ $0.limits.client = .milliseconds(500) }) { service in
            let id = try await service.newImage()
            try await Wire.open(service.port) { stream in
                await stream.send(RawRequest.get("/longshore/v1/events"))
                _ = try await stream.read(until: ": events")
                // Another client's end tells that the limit is over.
                try await Wire.open(service.port) { wire in
                    await wire.send(RawRequest.upload(id, "Content-Length: 10"))
                    _ = await wire.countToEnd()
                }
                let other = try await service.newImage()
                #expect(try await service.importImage(other).status == 202)
                #expect(try await stream.read(until: other).contains(other))
            }
        }
    }

    @Test func `What the service itself takes is not the client's fault`() {
        var limits = ConnectionLimits()
        limits.client = .seconds(60)
        var patience = ClientPatience(limits, now: .uptimeNanoseconds(0))
        func at(_ seconds: UInt64) -> NIODeadline { .uptimeNanoseconds(seconds * 1_000_000_000) }
        patience.bytesCame(100, at(1))
        patience.requestBegan()
        patience.readBegan(at(1))
        patience.bytesCame(1000, at(31))
        // From here no read is outstanding: the store is slow.
        #expect(patience.look(taken: 0, isMoreWaiting: false, at(500)) == nil)
        patience.readBegan(at(500))
        #expect(patience.look(taken: 0, isMoreWaiting: false, at(529)) == nil)
        #expect(patience.look(taken: 0, isMoreWaiting: false, at(530)) == .body)
        // What was worth the wait begins it anew.
        patience.bytesCame(60 << 10, at(530))
        patience.readBegan(at(530))
        #expect(patience.look(taken: 0, isMoreWaiting: false, at(589)) == nil)
        #expect(patience.look(taken: 0, isMoreWaiting: false, at(590)) == .body)
    }

    @Test func `A refused upload is listened to for a while only`() async throws {
        try await RunningService.run({ $0.limits.lingerBytes = 1 << 20 }) { service in
            let block = ByteBuffer(repeating: 1, count: 64 << 10)
            try await Wire.open(service.port) { wire in
                await wire.send(RawRequest.upload("\(ImageID.random())", "Content-Length: \(1 << 40)"))
                let answer = try await wire.read(until: "\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
                #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
                var sent = 0
                while sent < 256 << 20, await wire.send(block) { sent += block.readableBytes }
                #expect(sent < 256 << 20)
            }
        }
        // The same for one that sends nothing more.
        try await RunningService.run({ $0.limits.linger = .milliseconds(100) }) { service in
            try await Wire.open(service.port) { wire in
                await wire.send(RawRequest.upload("\(ImageID.random())", "Content-Length: \(1 << 40)"))
                let answer = try await wire.read(until: "\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
                _ = await wire.countToEnd()
            }
        }
    }

    @Test func `A client that sends all of a refused body reads the answer afterwards`() async throws {
        // What this is about is the body, not the time: a busy machine may take longer than the usual seconds.
        try await RunningService.run({ $0.limits.linger = .seconds(100) }) { service in
            let body = ByteBuffer(repeating: 1, count: 4 << 20)
            for _ in 0..<5 {
                try await Wire.open(service.port) { wire in
                    let head = RawRequest.upload("\(ImageID.random())", "Content-Length: \(body.readableBytes)")
                    #expect(await wire.send(head))
                    #expect(await wire.send(body))
                    let answer = try await wire.read(until: "No image found")
                    #expect(answer.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
                }
            }
        }
    }
}
