import AsyncHTTPClient
import Foundation
import ImageAPI
import ImportModel
import NIOCore
import NIOHTTP1
import NIOSSL
import ServiceLifecycle
import Testing
import TestSupport

@Suite(.timeLimit(.minutes(2))) struct TLSTests {
    /// A certificate in place, and the authority that it is by.
    private struct Place {
        let folder: URL
        let service: ServerCertificate
        let authority: String

        init() throws {
            folder = try temporaryDirectory()
            authority = try Self.renew(folder)
            service = try ServerCertificate(
                certificateFile: folder.path + "/tls.pem", keyFile: folder.path + "/tls.key")
        }

        /// Puts a new pair there, by an authority of its own, whose file is returned.
        static func renew(_ folder: URL, keyOnly: Bool = false) throws -> String {
            let made = folder.appendingPathComponent(UUID().uuidString)
            try FileManager.default.createDirectory(at: made, withIntermediateDirectories: false)
            let certificates = try TestCertificates(in: made)
            if !keyOnly { rename(certificates.serverCertificate, folder.path + "/tls.pem") }
            rename(certificates.serverKey, folder.path + "/tls.key")
            return certificates.authority
        }
    }

    private func withClient<Result: Sendable>(
        trusting authority: String, _ body: (HTTPClient) async throws -> Result
    ) async throws -> Result {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(authority)
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.connectionPool.retryConnectionEstablishment = false
        // One connection, which every request waits for.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1
        let http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(http)) } catch { result = .failure(error) }
        try await http.shutdown()
        return try result.get()
    }

    private func get(_ path: String, _ service: RunningService, _ http: HTTPClient) async throws -> HTTPClientResponse {
        try await http.execute(
            HTTPClientRequest(url: "https://127.0.0.1:\(service.port)\(path)"), timeout: .seconds(30))
    }

    private func expectAnswer(_ service: RunningService, _ http: HTTPClient) async throws {
        let answer = try await get("/versions", service, http)
        #expect(answer.status.code == 200)
        _ = try await answer.body.collect(upTo: 1 << 20)
    }

    @Test func `Over TLS links say https, and plain HTTP is not answered`() async throws {
        let place = try Place()
        defer { try? FileManager.default.removeItem(at: place.folder) }  // the system's own cleaning does it else
        try await RunningService.run({ $0.certificate = place.service }) { service in
            try await withClient(trusting: place.authority) { http in
                let answer = try await get("/versions", service, http)
                let text = String(buffer: try await answer.body.collect(upTo: 1 << 20))
                #expect(text.contains("\"https://127.0.0.1:\(service.port)/v2/\""), "\(text)")
            }
            try await Wire.open(service.port) { wire in
                await wire.send(RawRequest.get("/versions"))
                let answer = try await wire.read(until: "HTTP/1.1")
                #expect(!answer.contains("HTTP/1.1"))
            }
        }
    }

    @Test func `A certificate that is replaced is used from then on, and a broken one is not`() async throws {
        let log = CapturedLog()
        let place = try Place()
        defer { try? FileManager.default.removeItem(at: place.folder) }
        let configure: (inout ImageService.Configuration) -> Void = { configuration in
            configuration.certificate = place.service
            configuration.certificateInterval = .milliseconds(20)
        }
        try await RunningService.run(configure, log: log) { service in
            try await withClient(trusting: place.authority) { http in
                try await expectAnswer(service, http)
                let renewed = try Place.renew(place.folder)
                try await eventually { log.lines.contains { $0.contains("the certificate was read anew") } }
                try await withClient(trusting: renewed) { later in
                    try await expectAnswer(service, later)
                    // Who is connected stays so.
                    try await expectAnswer(service, http)
                    _ = try Place.renew(place.folder, keyOnly: true)
                    try await eventually { log.lines.contains { $0.contains("the old certificate stays in use") } }
                }
                try await withClient(trusting: renewed) { later in
                    try await expectAnswer(service, later)
                }
            }
        }
        #expect(log.lines.count { $0.contains("the old certificate stays in use") } == 1)
    }

    @Test func `A certificate without its key is refused at the start`() throws {
        let place = try Place()
        defer { try? FileManager.default.removeItem(at: place.folder) }
        _ = try Place.renew(place.folder, keyOnly: true)
        let error = #expect(throws: InvalidValue.self) {
            try ServerCertificate(
                certificateFile: place.folder.path + "/tls.pem", keyFile: place.folder.path + "/tls.key")
        }
        #expect(error?.message.contains("tls.key cannot be used together") == true, "\(String(describing: error))")
    }

    @Test func `A download over TLS that has begun comes to its end when the service stops`() async throws {
        let place = try Place()
        defer { try? FileManager.default.removeItem(at: place.folder) }
        let bytes = ByteBuffer(repeating: 7, count: 4 << 20)
        try await RunningService.run({ $0.certificate = place.service }) { service in
            try await withClient(trusting: place.authority) { http in
                var create = HTTPClientRequest(url: "https://127.0.0.1:\(service.port)/v2/images")
                create.method = .POST
                create.headers = ["Content-Type": "application/json", "Accept": "application/json"]
                create.body = .bytes(ByteBuffer(string: #"{"disk_format": "raw", "container_format": "bare"}"#))
                let created = try await http.execute(create, timeout: .seconds(30))
                _ = try await created.body.collect(upTo: 1 << 20)
                let location = try #require(created.headers.first(name: "Location"))
                #expect(location.hasPrefix("https://127.0.0.1:"))
                var upload = HTTPClientRequest(url: location + "/file")
                upload.method = .PUT
                upload.headers = ["Content-Type": "application/octet-stream"]
                upload.body = .bytes(bytes)
                let uploaded = try await http.execute(upload, timeout: .seconds(30))
                #expect(uploaded.status.code == 204)
                _ = try await uploaded.body.collect(upTo: 1 << 20)
                let download = try await http.execute(HTTPClientRequest(url: location + "/file"), timeout: .seconds(30))
                await service.group.triggerGracefulShutdown()
                let received = try await download.body.collect(upTo: 8 << 20)
                #expect(received == bytes)
            }
        }
    }
}
