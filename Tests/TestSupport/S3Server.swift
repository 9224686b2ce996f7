package import Foundation
import NIOPosix

/// A real service that speaks S3, on loopback, with a bucket.
package final class S3Server: Sendable {
    package enum Kind: String, Sendable { case seaweedFS, moto }

    package static let accessKeyID = "AKID-OF-THE-TESTS"
    package static let secretAccessKey = "a secret of the tests"
    package static let bucket = "images"
    /// Names of buckets may stand before it in the name of the host (SeaweedFS). It is in no DNS.
    package static let domain = "s3.test"
    /// For processes that are to use it.
    package static var environment: [String: String] {
        ["AWS_ACCESS_KEY_ID": accessKeyID, "AWS_SECRET_ACCESS_KEY": secretAccessKey]
    }

    package let kind: Kind
    package let endpoint: String
    package let virtualHostEndpoint: String
    private let process: ServerProcess
    private let folder: URL

    /// Whether `make dependencies` has been run.
    package static func isInstalled(_ kind: Kind) -> Bool {
        FileManager.default.isExecutableFile(atPath: program(kind == .moto ? "moto_server" : "weed"))
    }

    /// Returns once the service has made the bucket.
    /// - Parameter folder: for its data, made here and removed by `stop`.
    package static func start(_ kind: Kind, in folder: URL? = nil) async throws -> S3Server {
        var starts = 0
        while true {
            let server = try S3Server(kind, in: folder)
            do {
                try await server.makeBucket()
                return server
            } catch {
                // It ends if another server or connection has taken one of its ports since that was found free.
                let hasEnded = server.process.hasExited
                let log = try? String(contentsOf: server.folder.appendingPathComponent("log"), encoding: .utf8)
                server.stop()
                starts += 1
                guard hasEnded, starts < 3 else { throw S3ServerStartError(reason: "\(error)", log: log ?? "") }
            }
        }
    }

    private init(_ kind: Kind, in given: URL?) throws {
        self.kind = kind
        if let given { try FileManager.default.createDirectory(at: given, withIntermediateDirectories: true) }
        folder = try given ?? temporaryDirectory()
        let ports = try freePorts(8)
        endpoint = "http://127.0.0.1:\(ports[0])"
        virtualHostEndpoint = "http://\(Self.domain):\(ports[0])"
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
                {"accessKey": "\(Self.accessKeyID)", "secretKey": "\(Self.secretAccessKey)"}]}]}
                """.utf8
            ).write(to: identities)
            let data = folder.appendingPathComponent("data")
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: false)
            process = try ServerProcess(
                Self.program("weed"),
                [
                    "-logtostderr=true", "server", "-dir=\(data.path)", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
                    "-s3.config=\(identities.path)", "-s3.autoCreateBucket=false", "-s3.iam=false",
                    "-s3.domainName=\(Self.domain)",
                    "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.port=\(ports[0])", "-s3.port.grpc=\(ports[1])",
                    "-filer.port=\(ports[2])", "-filer.port.grpc=\(ports[3])", "-master.port=\(ports[4])",
                    "-master.port.grpc=\(ports[5])", "-volume.port=\(ports[6])", "-volume.port.grpc=\(ports[7])",
                    "-master.volumeSizeLimitMB=64", "-volume.max=0", "-master.telemetry=false",
                ], log: log, folder: folder)
        }
    }

    package func stop() {
        process.kill()
        try? FileManager.default.removeItem(at: folder)  // a second time there is nothing to remove
    }

    private func makeBucket() async throws {
        let user = "\(Self.accessKeyID):\(Self.secretAccessKey)"
        let (log, url) = (folder.appendingPathComponent("curl.log"), "\(endpoint)/\(Self.bucket)")
        try await eventually(within: .seconds(60)) {
            guard !process.hasExited else { throw S3ServerStartError(reason: "it ended", log: "") }
            // Until it listens, and while its parts find one another, it refuses.
            return
                (try? await NIOThreadPool.singleton.runIfActive {
                    try ServerProcess.run(
                        "curl",
                        ["-sS", "--fail", "--aws-sigv4", "aws:amz:us-east-1:s3", "--user", user, "-X", "PUT", url],
                        log: log)
                }) != nil
        }
    }

    private static func program(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".venv/bin/\(name)").path
    }
}

package struct S3ServerStartError: Error, CustomStringConvertible {
    let reason: String
    let log: String

    package var description: String {
        "the service did not come up (has `make dependencies` been run?): \(reason)\n\(log)"
    }
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
