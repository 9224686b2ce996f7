import AsyncHTTPClient
import Foundation
import ImageCatalog
import ImportModel
import LeaseStore
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing
import TestSupport

/// What only shows on the bare connection.
@Suite(.timeLimit(.minutes(2))) struct WireTests {
    /// Sends the pieces, waiting for an answer between two of them, and gives everything that came back.
    private func exchange(_ port: Int, _ pieces: [String], closing: Bool = false, until marker: String) async throws
        -> String
    {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            var text = ""
            var iterator = inbound.makeAsyncIterator()
            for (index, piece) in pieces.enumerated() {
                try await outbound.write(ByteBuffer(string: piece))
                if index < pieces.count - 1, let answer = try await iterator.next() { text += String(buffer: answer) }
            }
            if closing { return text }
            while !text.contains(marker), let answer = try await iterator.next() { text += String(buffer: answer) }
            return text
        }
    }

    @Test func aClientThatWaitsIsAskedForItsBody() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let head = """
                PUT /v2/images/\(id)/file HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r
                Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n
                """
            let text = try await exchange(service.port, [head, "hello"], until: "204 No Content")
            #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n"))
            #expect(text.contains("HTTP/1.1 204 No Content"))
            #expect(try await service.send(.GET, "/v2/images/\(id)/file").text == "hello")
        }
    }

    @Test func aBrokenEscapeInAPathIsRefused() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            for (method, path) in [
                ("PUT", "tags/%ff"), ("PUT", "tags/%2"), ("DELETE", "tags/%zz"), ("GET", "members/%"),
                ("DELETE", "members/%c3%28"),
            ] {
                let head = "\(method) /v2/images/\(id)/\(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                let text = try await exchange(service.port, [head], until: "HTTP/1.1")
                #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"), "\(path)")
            }
            #expect(try await service.image(id)["tags"] == .array([]))
        }
    }

    @Test func aClientThatWaitsIsToldARefusalWithoutSendingAnything() async throws {
        try await RunningService.run { service in
            let head = """
                PUT /v2/images/\(ImageID.random())/file HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r
                Content-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n
                """
            let text = try await exchange(service.port, [head], until: "404 Not Found")
            #expect(text.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
        }
    }

    @Test(arguments: ["Content-Length: 100", "Transfer-Encoding: chunked"])
    func anUploadThatBreaksOffIsNoImage(_ length: String) async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let head = """
                PUT /v2/images/\(id)/file HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r
                Expect: 100-continue\r\n\(length)\r\n\r\n
                """
            let part = length.hasPrefix("T") ? "5\r\nhello\r\n" : "hello"
            _ = try await exchange(service.port, [head, part], closing: true, until: "")
            // The image is queued before, too: only its task tells that the upload has begun.
            let image = try #require(ImageID(rawValue: id))
            try await eventually { try await service.store.tasks(of: image).first?.state == .failure }
            #expect(try await service.image(id)["status"] == .string("queued"))
            #expect(try await service.image(id)["size"] == .null)
        }
    }

    @Test func hostileRequestsNeverGetMoreThanARefusal() async throws {
        try await RunningService.run { service in
            let long = String(repeating: "x", count: 70_000)
            for request in [
                "GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\nX-A: \(long)\r\n\r\n",
                "GET / HTTP/1.1\r\n\(String(repeating: "A: b\r\n", count: 200))\r\n",
                "NONSENSE\r\n\r\n", "FOO /v2/images HTTP/1.1\r\nHost: x\r\n\r\n",
                "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET http://other/v2/images HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /v2/images/%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /v2/images/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /v2/images?name=% HTTP/1.1\r\nHost: x\r\n\r\n", "GET /? HTTP/1.1\r\nHost: \"<x>\"\r\n\r\n",
                "POST /v2/images HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
                "POST /v2/images HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
                "POST /v2/images HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
                "POST /v2/images HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n{",
            ] {
                let text = try await exchange(service.port, [request], until: "\r\n")
                #expect(text.isEmpty || !text.hasPrefix("HTTP/1.1 5"), "\(request.prefix(60)): \(text.prefix(60))")
            }
            #expect(try await service.send(.GET, "/healthz").status == 200)
        }
    }

    @Test func `What is no request is refused with an id, and logged`() async throws {
        let log = CapturedLog()
        try await RunningService.run(log: log) { service in
            let long = String(repeating: "x", count: 70_000)
            for (request, status) in [
                ("GET / HTTP/1.1\r\nHost: x\r\nX-A: \(long)\r\n\r\n", 431), ("NONSENSE\r\n\r\n", 400),
                // The answers to whole requests come first.
                ("GET /versions HTTP/1.1\r\nHost: x\r\n\r\nNONSENSE\r\n\r\n", 400),
            ] {
                let text = try await Wire.open(service.port) { wire in
                    await wire.send(request)
                    let first = try await wire.read(until: "HTTP/1.1 \(status)")
                    return first + (first.contains("\n\n") ? "" : try await wire.read(until: "\n\n"))
                }
                let refusal = try #require(text.range(of: "HTTP/1.1 \(status)"))
                #expect(
                    text[refusal.lowerBound...].lowercased().contains("\r\nx-openstack-request-id: req-"), "\(text)")
                #expect(text.contains("HTTP/1.1 200 OK") == request.hasPrefix("GET /versions"))
            }
        }
        #expect(log.lines.count { $0.hasPrefix("info - - 400 ") } == 2)
        #expect(log.lines.count { $0.hasPrefix("info - - 431 ") } == 1)
    }

    @Test func `A connection that was to speak another protocol is closed behind the answer`() async throws {
        try await RunningService.run { service in
            for request in [
                "GET /versions HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
                "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n",
            ] {
                try await Wire.open(service.port) { wire in
                    await wire.send(request)
                    let answer = try await wire.read(until: "\r\n\r\n")
                    #expect(answer.hasPrefix("HTTP/1.1 "))
                    #expect(answer.lowercased().contains("\r\nconnection: close\r\n"), "\(answer)")
                    _ = await wire.countToEnd()
                }
            }
        }
    }

    @Test func `Any method is refused on a path that is known, and no method is known on others`() async throws {
        try await RunningService.run { service in
            for method in ["PROPFIND", "LOCK", "SEARCH", "MKCOL", "TRACE"] {
                let known = try await service.send(.RAW(value: method), "/v2/images/\(ImageID.random())")
                #expect(known.status == 405, "\(method)")
                #expect(known.headers.first(name: "Allow") == "DELETE, GET, HEAD, PATCH", "\(method)")
                #expect(try await service.send(.RAW(value: method), "/v2/nothing").status == 404, "\(method)")
            }
        }
    }

    @Test func hostileJSONNeverGetsMoreThanARefusal() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let patch = "application/openstack-images-v2.1-json-patch"
            let bodies = [
                String(repeating: "[", count: 100_000), String(repeating: "{\"a\":", count: 100_000), "\u{0}",
                "\"\\ud800\"",
                "[1e999]", #"{"name": "\#(String(repeating: "x", count: 2_000_000))"}"#,
                #"[{"op": "add", "path": "/\u0000", "value": "x"}]"#,
            ]
            for body in bodies {
                for (method, path, type) in [
                    (.POST, "/v2/images", "application/json"), (.PATCH, "/v2/images/\(id)", patch),
                    (.POST, "/v2/images/\(id)/import", "application/json"),
                ] as [(HTTPMethod, String, String)] {
                    let answer = try await service.send(method, path, json: body, type: type)
                    #expect(answer.status < 500, "\(path) \(body.prefix(20))")
                }
            }
            let invalid = try await service.send(
                .POST, "/v2/images", body: .bytes(ByteBuffer(bytes: [0x22, 0xFF, 0x22])))
            #expect(invalid.status == 400)
        }
    }
}
