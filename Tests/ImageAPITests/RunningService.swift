import AsyncHTTPClient
import FilesystemStorage
import Foundation
import ImageAPI
import ImageCatalog
import ImageStorage
import ImportModel
import LeaseStore
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import RedisClient
import ServiceLifecycle
import TestSupport
import Testing
import WebSource

/// The service on a port of loopback, over a Redis and two stores of its own.
struct RunningService: Sendable {
    let port: Int
    /// The ports of all of its addresses.
    let listening: [String: Int]
    let redis: RedisServer
    let client: RedisClient
    let store: LeaseStore
    let main: FilesystemStorage
    let second: FilesystemStorage
    /// Of both stores, each in one of its name.
    let folder: URL
    /// One for each store, on which all its system calls run.
    let threads: [NIOThreadPool]
    let process: ProcessID
    let http: HTTPClient
    let group: ServiceGroup
    let service: ImageService

    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let bytes: [UInt8]

        var text: String { String(decoding: bytes, as: UTF8.self) }
        var json: JSON { get throws { try JSONParser.parse(bytes) } }
        var object: [String: JSON] { get throws { try #require(try json.object) } }
    }

    /// Starts everything, runs `body`, and stops everything.
    static func run(
        _ configure: (inout ImageService.Configuration) -> Void = { _ in },
        settings: LeaseSettings = LeaseSettings(), policy: Policy = Policy(), injection: MetadataInjection = .none,
        stall: Duration = .seconds(120), log: CapturedLog? = nil,
        wrapping: (any ImageStorage) -> any ImageStorage = { $0 }, tune: (inout ImageService.Parts) -> Void = { _ in },
        _ body: (RunningService) async throws -> Void
    ) async throws {
        try await withRedis { redis in
            var access = redis.configuration
            access.connectTimeout = .milliseconds(500)
            access.commandTimeout = .seconds(2)
            try await withClient(access) { client in
                let store = LeaseStore(redis: client, keys: try Keys(prefix: "test"), settings: settings)
                _ = try await store.openCatalog()
                let folder = try temporaryDirectory()
                defer { try? FileManager.default.removeItem(at: folder) }  // the system's own cleaning does it else
                let threads = (0..<2).map { _ in NIOThreadPool(numberOfThreads: 1) }
                for pool in threads { pool.start() }
                let stores = try await zip(["main", "second"], threads).map { $0 }.asyncMap { name, threads in
                    let root = folder.appendingPathComponent(name).path
                    let storage = FilesystemStorage(
                        id: try #require(StoreID(rawValue: name)), root: root, threads: threads)
                    try await storage.setMarker(StoreMarker(catalogId: "test", mark: 0))
                    return storage
                }
                let process = ProcessID.mint(host: "test", pid: 1)
                var configuration = ImageService.Configuration(hosts: ["127.0.0.1"], port: 0, maxUploadBytes: 4 << 20)
                configuration.patience = .milliseconds(200)
                configure(&configuration)
                var parts = ImageService.Parts(
                    leaseStore: store,
                    stores: [
                        .init(storage: wrapping(stores[0]), description: "the first"), .init(storage: stores[1]),
                    ],
                    defaultStore: stores[0].id, stagingStore: stores[0].id, sources: SourcePolicy(),
                    uploads: PlainUploadRunner(store: store, process: process, stores: stores))
                parts.stall = stall
                parts.keyrings = ["debian"]
                parts.policy = policy
                parts.injection = injection
                parts.authenticator = ProjectAuthentication()
                parts.renderProcessMetrics = { "# of this process\n" }
                tune(&parts)
                try await serve(configuration, parts, log) { listening, group, service, http in
                    try await body(
                        RunningService(
                            port: listening[configuration.hosts[0]] ?? 0, listening: listening, redis: redis,
                            client: client, store: store, main: stores[0], second: stores[1],
                            folder: folder,
                            threads: threads,
                            process: process, http: http, group: group, service: service))
                }
                for pool in threads { try await pool.shutdownGracefully() }
            }
        }
    }

    private static func serve(
        _ configuration: ImageService.Configuration, _ parts: ImageService.Parts, _ log: CapturedLog?,
        _ body: ([String: Int], ServiceGroup, ImageService, HTTPClient) async throws -> Void
    ) async throws {
        let logger = (log ?? CapturedLog()).logger(log == nil ? .critical : .info)
        let (ports, announce) = AsyncStream.makeStream(of: (host: String, port: Int).self)
        let service = ImageService(configuration: configuration, parts: parts, logger: logger) {
            announce.yield(($0, $1))
        }
        let group = ServiceGroup(services: [service], logger: logger)
        let http = HTTPClient(eventLoopGroupProvider: .singleton)
        // Ended below, whatever happens.
        let running = Task {
            defer { announce.finish() }
            try await group.run()
        }
        var listening: [String: Int] = [:]
        for await (host, port) in ports {
            listening[host] = port
            if listening.count == configuration.hosts.count { break }
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(listening, group, service, http))
        } catch {
            result = .failure(error)
        }
        await group.triggerGracefulShutdown()
        try await http.shutdown()
        try await running.value
        try result.get()
    }

    func send(
        _ method: HTTPMethod, _ path: String, _ headers: [(String, String)] = [], body: HTTPClientRequest.Body? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        request.headers = HTTPHeaders(headers)
        request.body = body
        let response = try await http.execute(request, timeout: .seconds(30))
        let buffer = try await response.body.collect(upTo: 64 << 20)
        return Answer(
            status: Int(response.status.code), headers: response.headers, bytes: Array(buffer.readableBytesView))
    }

    /// - Parameter project: whose user asks; an administrator unless given.
    func send(
        _ method: HTTPMethod, _ path: String, as project: String? = nil, json: String, type: String = "application/json"
    ) async throws -> Answer {
        try await send(
            method, path, [("Content-Type", type), ("Accept", "application/json")] + Self.token(project),
            body: .bytes(.init(string: json)))
    }

    func send(_ method: HTTPMethod, _ path: String, as project: String) async throws -> Answer {
        try await send(method, path, Self.token(project))
    }

    private static func token(_ project: String?) -> [(String, String)] {
        project.map { [("X-Auth-Token", $0)] } ?? []
    }

    /// A new image with formats; its id.
    func newImage(
        _ json: String = #"{"name": "n", "disk_format": "raw", "container_format": "bare"}"#, as project: String? = nil
    ) async throws -> String {
        let answer = try await send(.POST, "/v2/images", as: project, json: json)
        #expect(answer.status == 201, "\(answer.text)")
        return try #require(try answer.object["id"]?.string)
    }

    /// Brings an image to `active` as a worker does, with these bytes in `main`.
    func makeActive(_ id: String, _ bytes: [UInt8]) async throws {
        let answer = try await upload(id, bytes)
        #expect(answer.status == 204, "\(answer.text)")
    }

    func upload(_ id: String, _ bytes: [UInt8], to part: String = "file", _ more: [(String, String)] = []) async throws
        -> Answer
    {
        try await send(
            .PUT, "/v2/images/\(id)/\(part)", [("Content-Type", "application/octet-stream")] + more,
            body: .bytes(ByteBuffer(bytes: bytes)))
    }

    func importImage(
        _ id: String, _ json: String = #"{"method": {"name": "web-download", "uri": "http://example.com/x"}}"#
    )
        async throws -> Answer
    {
        try await send(.POST, "/v2/images/\(id)/import", json: json)
    }

    func image(_ id: String) async throws -> [String: JSON] {
        try await send(.GET, "/v2/images/\(id)").object
    }
}

/// Takes a token for the name of the project that a plain user belongs to, or of `@` and another scope, with a role
/// behind a slash where that is not `member`; without one, as `NoAuthentication`.
private struct ProjectAuthentication: Authenticator {
    var challenge: String? { "Test" }

    func caller(token: String?) async throws -> Caller? {
        guard let token else { return try await NoAuthentication().caller(token: nil) }
        guard token != "nobody" else { return nil }
        if token == "away" { throw IdentityUnavailable("secret reason") }
        let parts = token.split(separator: "/").map(String.init)
        let role = parts.count > 1 ? parts[1] : "member"
        guard parts[0].hasPrefix("@") else { return Caller(project: parts[0], user: token, roles: [role]) }
        let scope = Caller.Scope(rawValue: String(parts[0].dropFirst())) ?? .nothing
        return Caller(project: "", user: token, roles: [role], scope: scope)
    }
}

extension Array {
    func asyncMap<Mapped>(_ map: (Element) async throws -> Mapped) async throws -> [Mapped] {
        var mapped: [Mapped] = []
        for element in self { mapped.append(try await map(element)) }
        return mapped
    }
}
