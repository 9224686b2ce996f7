import NIOHTTP1
import NIOSSL

/// Where an answer came from, as far as it can be told of: no credentials, no queries.
package struct SourceOrigin: Hashable, Sendable {
    /// The URL that was asked for, and the target of each redirect; redacted.
    package var urls: [String]
    /// The address that was vetted and connected to, with its port.
    package var address: String
    /// What the server showed and was accepted by; `nil` without TLS.
    package var certificate: PeerCertificate?
    package var etag: String?
    package var lastModified: String?
}

extension SourceOrigin {
    init(_ urls: [String], _ address: String, _ certificate: NIOSSLCertificate?, _ head: HTTPResponseHead) throws {
        self.init(
            urls: urls, address: address,
            certificate: try certificate.map { PeerCertificate(der: try $0.toDERBytes()) },
            etag: head.headers.first(name: "etag"), lastModified: head.headers.first(name: "last-modified"))
    }
}

/// A server's certificate.
package struct PeerCertificate: Hashable, Sendable {
    package var der: [UInt8]
    /// `CN=images.example.org,O=Example`; empty where it cannot be read.
    package var subject: String
    package var issuer: String

    init(der: [UInt8]) {
        self.der = der
        let names = DistinguishedNames(certificate: der)
        subject = names?.subject ?? ""
        issuer = names?.issuer ?? ""
    }
}
