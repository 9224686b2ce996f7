import Foundation
import ImportModel
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import S3Storage

/// A real service on loopback, with a bucket, that a suite has to itself.
final class S3Server: Sendable {
    enum Kind: String, Sendable { case seaweedFS, moto }

    @TaskLocal static var current: S3Server?

    static let credentials = S3Credentials(accessKeyID: "tester", secretAccessKey: "a secret of the tests")
    static let bucket = "images"
    let kind: Kind
    let endpoint: String
    private let process: ServerProcess
    private let folder: URL

    /// Returns once the service has made the bucket.
    static func start(_ kind: Kind) async throws -> S3Server {
        let server = try S3Server(kind)
        do {
            try await server.makeBucket()
            return server
        } catch {
            let log = try? String(contentsOf: server.folder.appendingPathComponent("log"), encoding: .utf8)
            server.stop()
            throw S3ServerStartError(reason: "\(error)", log: log ?? "")
        }
    }

    private init(_ kind: Kind) throws {
        self.kind = kind
        folder = try temporaryDirectory()
        let ports = try freePorts(8)
        endpoint = "http://127.0.0.1:\(ports[0])"
        let log = folder.appendingPathComponent("log")
        switch kind {
        case .moto:
            process = try ServerProcess(
                Self.program("moto_server"), ["-H", "127.0.0.1", "-p", "\(ports[0])"], log: log, folder: folder)
        case .seaweedFS:
            let identities = folder.appendingPathComponent("identities.json")
            try Data(
                """
                {"identities": [{"name": "tester", "actions": ["Admin"], "credentials": [
                {"accessKey": "\(Self.credentials.accessKeyID)", "secretKey": "\(Self.credentials.secretAccessKey)"}]}]}
                """.utf8
            ).write(to: identities)
            let data = folder.appendingPathComponent("data")
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: false)
            process = try ServerProcess(
                Self.program("weed"),
                [
                    "-logtostderr=true", "server", "-dir=\(data.path)", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
                    "-s3.config=\(identities.path)", "-s3.autoCreateBucket=false", "-s3.iam=false",
                    "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.port=\(ports[0])", "-s3.port.grpc=\(ports[1])",
                    "-filer.port=\(ports[2])", "-filer.port.grpc=\(ports[3])", "-master.port=\(ports[4])",
                    "-master.port.grpc=\(ports[5])", "-volume.port=\(ports[6])", "-volume.port.grpc=\(ports[7])",
                    "-master.volumeSizeLimitMB=64", "-volume.max=0", "-master.telemetry=false",
                ], log: log, folder: folder)
        }
    }

    func stop() {
        process.kill()
        try? FileManager.default.removeItem(at: folder)  // a second time there is nothing to remove
    }

    /// Runs `body` with a store of its own in the service.
    func withStore<R>(
        _ change: (inout S3Configuration) -> Void = { _ in }, _ body: (S3Storage) async throws -> R
    ) async throws -> R {
        var configuration = S3Configuration(
            endpoint: endpoint, bucket: Self.bucket, credentials: .fixed(Self.credentials))
        configuration.prefix = "store-\(Nonce.mint())"
        configuration.usesPathStyle = true
        configuration.retry = RetryPolicy(base: .milliseconds(20), cap: .milliseconds(200))
        change(&configuration)
        return try await withS3(configuration, body)
    }

    private func makeBucket() async throws {
        try await withStore({ _ in }) { store in
            try await eventually(within: .seconds(60)) {
                guard !process.hasExited else { throw S3ServerStartError(reason: "it ended", log: "") }
                do {
                    _ = try await store.objects.send(S3Request(action: "s3:CreateBucket", method: .PUT))
                    return true
                } catch { return false }
            }
        }
    }

    private static func program(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".venv/bin/\(name)").path
    }
}

/// Runs `body` with a store that is closed afterwards.
@discardableResult
func withS3<R>(_ configuration: S3Configuration, _ body: (S3Storage) async throws -> R) async throws -> R {
    let id = try #require(StoreID(rawValue: "main"))
    let store = try S3Storage(id: id, configuration: configuration, threads: .singleton)
    let result: Result<R, any Error>
    do { result = .success(try await body(store)) } catch { result = .failure(error) }
    await store.close()
    return try result.get()
}

struct S3ServerStartError: Error, CustomStringConvertible {
    let reason: String
    let log: String

    var description: String { "the service did not come up (has `make dependencies` been run?): \(reason)\n\(log)" }
}

/// Gives a suite a service for all of its tests.
struct S3ServerTrait: SuiteTrait, TestScoping {
    let kind: S3Server.Kind

    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        let server = try await S3Server.start(kind)
        defer { server.stop() }
        try await S3Server.$current.withValue(server) { try await function() }
    }
}

extension Trait where Self == S3ServerTrait {
    static func service(_ kind: S3Server.Kind) -> S3ServerTrait { S3ServerTrait(kind: kind) }
}

/// Ports of loopback that are free when they are looked for.
private func freePorts(_ count: Int) throws -> [Int] {
    var open: [Int32] = []
    defer { open.forEach { close($0) } }
    return try (0..<count).map { _ in
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        open.append(descriptor)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutableBytes(of: &address) { bytes in
            let address = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
        }
        guard isBound else { throw S3ServerStartError(reason: "there is no free port", log: "") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
