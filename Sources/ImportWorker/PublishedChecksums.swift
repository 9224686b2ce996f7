import ImportModel
import NIOCore
import Publisher
import WebSource

/// What a publisher says of his images: fetched by the same guarded client as the image, and believed only as far as
/// the request asks for.
struct PublishedChecksums: Sendable {
    let file: ChecksumFile
    /// Fingerprints of the keys that have signed it; empty where no signature was asked for.
    let signers: [String]

    private static let maxBytes: Int64 = 1 << 20
    private static let maxSignatureBytes: Int64 = 1 << 16
    private static let patience: Duration = .seconds(40)

    /// - Throws: `SourceError`, `PublisherError`, `CancellationError`.
    init(of publisher: PublisherChecksum, from source: WebSource, signatures: SignatureVerifier) async throws {
        let shown = redact(publisher.url)
        if let keyring = publisher.keyring { try signatures.check(keyring) }
        let sums = try await source.file(publisher.url, atMost: Self.maxBytes, within: Self.patience)
        guard let keyring = publisher.keyring else {
            file = ChecksumFile(sums.readableBytesView, url: shown)
            signers = []
            return
        }
        var signature: [UInt8]?
        if let url = publisher.signatureURL {
            let bytes = try await source.file(url, atMost: Self.maxSignatureBytes, within: Self.patience)
            signature = Array(bytes.readableBytesView)
        }
        let signed = try await signatures.verify(
            Array(sums.readableBytesView), signature: signature, by: keyring, url: shown)
        file = ChecksumFile(signed.text, url: shown)
        signers = signed.signers
    }
}
