import NIOCore
import NIOSSL

/// NIOSSL accepts a certificate for the server's *address*, too, where a name was asked for. Whoever can forge an
/// answer of the name servers could pass with a certificate for an address of his own, so a name must match by itself.
enum CertificateName {
    static func require(_ name: String, of certificate: NIOSSLCertificate) throws {
        let names = certificate._subjectAlternativeNames().filter { $0.nameType == .dnsName }
        guard names.contains(where: { matches(name, String(decoding: $0.contents, as: UTF8.self)) }) else {
            throw NIOSSLExtraError.failedToValidateHostname
        }
    }

    /// RFC 6125: a star stands for the whole of the first label and for nothing else.
    static func matches(_ name: String, _ pattern: String) -> Bool {
        let pattern = pattern.lowercased()
        guard pattern.hasPrefix("*.") else { return name == pattern }
        guard let dot = name.firstIndex(of: "."), pattern.dropFirst(2).contains(".") else { return false }
        return name[dot...] == pattern.dropFirst()
    }
}
