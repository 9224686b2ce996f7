import Foundation
import ImportModel
import ImportPipeline
import NIOCore
import WebSource

extension Provenance {
    /// What a transfer that has just ended can tell.
    init(
        _ origin: SourceOrigin, sizeBytes: Int64, since began: Date, checksum: ExpectedDigest?,
        publisher: PublisherChecksum?, signers: [String]
    ) {
        self.init(
            urls: origin.urls, address: origin.address, certificate: origin.certificate.map(Certificate.init),
            etag: origin.etag, lastModified: origin.lastModified, sizeBytes: sizeBytes,
            beganAtMs: Self.milliseconds(began), endedAtMs: Self.milliseconds(Date()), checksum: checksum?.description,
            checksumUrl: publisher.map { redact($0.url) }, signers: signers)
    }

    private static func milliseconds(_ date: Date) -> Int64 { Int64(date.timeIntervalSince1970 * 1000) }
}

extension Provenance.Certificate {
    init(_ certificate: PeerCertificate) {
        var digest = StreamDigest(.sha256)
        digest.update(ByteBuffer(bytes: certificate.der))
        self.init(sha256: digest.finalize(), subject: certificate.subject, issuer: certificate.issuer)
    }
}
