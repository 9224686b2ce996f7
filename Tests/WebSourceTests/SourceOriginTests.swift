import Foundation
import ImportModel
import NIOSSL
import TestSupport
import Testing

@testable import WebSource

/// What is told of where bytes came from.
@Suite struct SourceOriginTests {
    private func origin(
        of url: String, _ policy: SourcePolicy, caFile: String? = nil, resolver: any HostResolver = Loopback()
    ) async throws -> SourceOrigin {
        let source = try WebSource(policy: policy, resolver: resolver, caFile: caFile)
        return try await source.withSource(url) { $0.origin }
    }

    /// On another host of the same port.
    @Sendable private static func elsewhere(_ request: ScriptedHTTPServer.Request) -> String {
        "http://" + (request.headers["host"] ?? "").replacing("a.example", with: "b.example") + "/end?k=2"
    }

    private func local() throws -> SourcePolicy { SourcePolicy(allow: [try HostRule(parsing: "127.0.0.0/8")]) }

    @Test func `the chain of redirects is told without credentials and queries, and the address that was used`()
        async throws
    {
        let server = try await ScriptedHTTPServer { request in
            request.target.hasPrefix("/end")
                ? ScriptedHTTPServer.answer(
                    headers: ["ETag: \"v7\"", "Last-Modified: Wed, 21 Oct 2026 07:28:00 GMT"], body: "x")
                : ScriptedHTTPServer.answer("302 Found", headers: ["Location: " + Self.elsewhere(request)])
        }
        let origin = try await origin(of: "http://me:secret@a.example:\(server.port)/start?k=1#f", try local())
        #expect(
            origin.urls == ["http://a.example:\(server.port)/start", "http://b.example:\(server.port)/end"])
        #expect(origin.address == "127.0.0.1:\(server.port)")
        #expect(origin.certificate == nil)
        #expect(origin.etag == "\"v7\"")
        #expect(origin.lastModified == "Wed, 21 Oct 2026 07:28:00 GMT")
        try await server.stop()
    }

    @Test func `the certificate that the server showed is told, by name and by address`() async throws {
        let folder = try temporaryDirectory()
        let certificates = try TestCertificates(in: folder)
        let shown = try NIOSSLCertificate.fromPEMFile(certificates.serverCertificate)
        let tls = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: shown.map { .certificate($0) },
                privateKey: .privateKey(NIOSSLPrivateKey(file: certificates.serverKey, format: .pem))))
        let server = try await ScriptedHTTPServer(tls: tls) { _ in ScriptedHTTPServer.answer(body: "x") }
        for host in ["localhost", "127.0.0.1"] {
            let origin = try await origin(
                of: "https://\(host):\(server.port)/", try local(), caFile: certificates.authority)
            let certificate = try #require(origin.certificate)
            #expect(certificate.der == (try shown[0].toDERBytes()))
            #expect(certificate.subject == "CN=server")
            #expect(certificate.issuer == "CN=authority")
        }
        try await server.stop()
        try FileManager.default.removeItem(at: folder)
    }

    @Test func `names in certificates are read as openssl reads them`() throws {
        let folder = try temporaryDirectory()
        let file = folder.appending(path: "c.der").path
        try ServerProcess.run(
            "/usr/bin/env",
            [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc",
                "-days", "1", "-utf8", "-subj", "/C=DE/O=Größe, Ltd/OU=A/CN=x;y", "-outform", "DER", "-out", file,
                "-keyout", folder.appending(path: "c.key").path,
            ], log: folder.appending(path: "openssl.log"))
        let der = Array(try Data(contentsOf: URL(filePath: file)))
        let names = try #require(DistinguishedNames(certificate: der))
        #expect(names.subject == #"CN=x\;y,OU=A,O=Größe\, Ltd,C=DE"#)
        #expect(names.issuer == names.subject)
        // Cut anywhere, or with any byte changed, it is read as something or as nothing, and within its bounds.
        var read = 0
        for count in 0..<der.count where DistinguishedNames(certificate: Array(der.prefix(count))) != nil { read += 1 }
        #expect(read == 0)
        for index in der.indices {
            for value in [0x00, 0x30, 0x7f, 0x80, 0x83, 0x84, 0xff] as [UInt8] {
                var changed = der
                changed[index] = value
                if let names = DistinguishedNames(certificate: changed) {
                    #expect(names.subject.utf8.count + names.issuer.utf8.count < 4 * der.count)
                }
            }
        }
        try FileManager.default.removeItem(at: folder)
    }
}

/// Every name is this machine.
private struct Loopback: HostResolver {
    func resolve(_ name: String) async throws -> [IPAddress] { ["127.0.0.1"].compactMap { IPAddress($0) } }
}
