/// Where the bytes of an image were fetched, and what spoke for them. Kept with the image; nothing decides by it.
///
/// All texts are cut, so that its JSON has less than 16 KiB whatever servers say.
package struct Provenance: Hashable, Codable, Sendable {
    /// Where the image was asked for, and where each redirect led; without credentials, queries and fragments.
    package var urls: [String]
    /// Address and port that were connected to last.
    package var address: String
    /// Of the server, if it was asked over TLS.
    package var certificate: Certificate?
    /// What the server calls this version of its file.
    package var etag: String?
    package var lastModified: String?
    /// Of what was fetched.
    package var sizeBytes: Int64
    /// The digest of what was fetched, where that was decompressed or converted; else it has the image's.
    package var received: String?
    /// When fetching began and ended, by the worker's clock.
    package var beganAtMs: Int64
    package var endedAtMs: Int64
    /// The digest that the bytes were compared with.
    package var checksum: String?
    /// The publisher's file that says so; absent where the request itself did.
    package var checksumUrl: String?
    /// Fingerprints of the keys that signed that file; absent where nobody asked.
    package var signers: [String]?

    package struct Certificate: Hashable, Codable, Sendable {
        /// Of the certificate in DER, in hexadecimal.
        package var sha256: String
        package var subject: String
        package var issuer: String

        package init(sha256: String, subject: String, issuer: String) {
            self.sha256 = sha256
            self.subject = cut(subject, 256)
            self.issuer = cut(issuer, 256)
        }
    }

    package init(
        urls: [String], address: String, certificate: Certificate?, etag: String?, lastModified: String?,
        sizeBytes: Int64, beganAtMs: Int64, endedAtMs: Int64, checksum: String?, checksumUrl: String?,
        signers: [String]
    ) {
        // The ends of a long chain tell more than its middle.
        self.urls = (urls.count > 8 ? Array(urls.prefix(4) + urls.suffix(4)) : urls).map { cut($0, 1024) }
        self.address = cut(address, 64)
        self.certificate = certificate
        self.etag = etag.map { cut($0, 256) }
        self.lastModified = lastModified.map { cut($0, 64) }
        self.sizeBytes = sizeBytes
        self.beganAtMs = beganAtMs
        self.endedAtMs = endedAtMs
        self.checksum = checksum
        self.checksumUrl = checksumUrl.map { cut($0, 1024) }
        self.signers = signers.isEmpty ? nil : signers.prefix(8).map { cut($0, 64) }
    }
}

/// The beginning of what a server said, in plain characters: JSON writes others with six bytes each.
private func cut(_ text: String, _ count: Int) -> String {
    var kept = String.UnicodeScalarView()
    var bytes = 0
    for scalar in text.unicodeScalars {
        let shown = scalar.value < 0x20 || scalar.value == 0x7f ? "\u{FFFD}" : scalar
        bytes += shown.utf8.count
        guard bytes <= count else { break }
        kept.append(shown)
    }
    return String(kept)
}
