import Foundation
import Logging
import Testing
import TestSupport

@testable import RedisClient

@Suite struct RedisTLSTests {
    @Test("over TLS all is as without, by address and by name")
    func works() async throws {
        let server = try await RedisServer.startTLS()
        defer { server.stop() }
        guard case .tcp(_, let port) = server.configuration.endpoint else { return }
        for host in ["127.0.0.1", "localhost"] {
            var configuration = server.configuration
            configuration.endpoint = .tcp(host: host, port: port)
            configuration.tls?.serverName = nil
            try await withClient(configuration) { client in
                let value = [UInt8](repeating: 7, count: 1 << 20)
                try await client.send("SET", "k", value)
                #expect(try await client.withConnection { try await $0.send("GET", "k") } == .string(value))
            }
        }
    }

    @Test("a server with a certificate for another name, or by another authority, is not talked to")
    func wrongServer() async throws {
        let server = try await RedisServer.startTLS(names: "DNS:localhost")
        defer { server.stop() }
        guard let good = server.configuration.tls else { return }
        var configuration = server.configuration
        configuration.connectTimeout = .seconds(2)
        let wrong = [
            // The endpoint is an address, and the certificate is not for it.
            RedisConfiguration.TLS(
                caFile: good.caFile, certificateFile: good.certificateFile, keyFile: good.keyFile),
            RedisConfiguration.TLS(
                caFile: good.caFile, certificateFile: good.certificateFile, keyFile: good.keyFile,
                serverName: "other.example"),
            RedisConfiguration.TLS(
                certificateFile: good.certificateFile, keyFile: good.keyFile, serverName: "localhost"),
        ]
        for (tls, reason) in zip(wrong, ["failedToValidate", "failedToValidate", "CERTIFICATE_VERIFY_FAILED"]) {
            configuration.tls = tls
            try await withClient(configuration) { client in
                await expectNotSent(reason) { try await client.send("PING") }
            }
        }
    }

    @Test("a client without a certificate, or without TLS, gets nowhere and is told so")
    func wrongClient() async throws {
        let server = try await RedisServer.startTLS()
        defer { server.stop() }
        var configuration = server.configuration
        configuration.connectTimeout = .seconds(2)
        configuration.tls = RedisConfiguration.TLS(caFile: configuration.tls?.caFile, serverName: "localhost")
        try await withClient(configuration) { client in
            await expectNotSent("CERTIFICATE_REQUIRED") { try await client.send("PING") }
        }
        configuration.tls = nil
        try await withClient(configuration) { client in
            await expectNotSent("no greeting") { try await client.send("PING") }
        }
    }

    @Test("TLS files that do not fit are an error at once, which names the file")
    func files() throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // left over at worst
        let certificates = try TestCertificates(in: folder)
        func error(_ tls: RedisConfiguration.TLS) -> String {
            let configuration = RedisConfiguration(endpoint: .tcp(host: "localhost", port: 1), tls: tls)
            let error = #expect(throws: RedisConfigurationError.self) {
                try RedisClient(configuration: configuration, logger: Logger(label: "t"))
            }
            return error?.description ?? ""
        }
        #expect(error(RedisConfiguration.TLS(caFile: "/none.pem")).contains("/none.pem"))
        #expect(error(RedisConfiguration.TLS(keyFile: certificates.clientKey)).contains("both or neither"))
        let mixed = RedisConfiguration.TLS(
            certificateFile: certificates.clientCertificate, keyFile: certificates.serverKey)
        #expect(error(mixed).contains("belong"))
    }
}
