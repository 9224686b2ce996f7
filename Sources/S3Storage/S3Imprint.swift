import Foundation

/// How a service shows what bytes an object has, as the probe found out.
enum S3Proof: Hashable, Sendable {
    /// `x-amz-checksum-sha256` is SHA-256 of the bytes, or of the digests of the parts.
    case checksum
    /// The tag is MD5 of the bytes, or of the tags of the parts, which are MD5 of theirs.
    case tag
    case none
}

/// What tells the bytes of an object from others: its size, and what the service is known to show of them.
struct S3Imprint: Hashable, Sendable {
    let sizeBytes: Int64
    /// As in `x-amz-checksum-sha256`; `nil` where the service does not show it.
    let checksum: String?
    /// As in `etag`, without quotes; `nil` where it says nothing of the bytes.
    let tag: String?

    /// Of an object of which nothing else is known.
    init(sizeBytes: Int64) {
        self.sizeBytes = sizeBytes
        checksum = nil
        tag = nil
    }

    /// Of an object that is made by one request; `payload` has its MD5 where `proof` needs that.
    init(of payload: S3Payload, _ proof: S3Proof) {
        sizeBytes = payload.count
        checksum = proof == .checksum ? S3Digest.base64(payload.digest) : nil
        tag = proof == .tag ? payload.md5.map { S3Digest.hex($0) } : nil
    }

    /// Of an object that is put together of these parts.
    init(of parts: [S3Objects.PartTag], sizeBytes: Int64, _ proof: S3Proof) {
        self.sizeBytes = sizeBytes
        let digests = parts.compactMap { $0.checksum.flatMap { Data(base64Encoded: $0) } }
        let hasAll = digests.count == parts.count
        checksum =
            proof == .checksum && hasAll
            ? S3Digest.base64(S3Digest.sha256(digests.flatMap(Array.init))) + "-\(parts.count)" : nil
        let tags = parts.compactMap { S3Digest.bytes(ofHex: Self.bare($0.etag)) }
        let areAll = tags.count == parts.count && tags.allSatisfy { $0.count == 16 }
        tag = proof == .tag && areAll ? S3Digest.hex(S3Digest.md5(tags.flatMap { $0 })) + "-\(parts.count)" : nil
    }

    /// What the object that is there has instead, for people; `nil` if nothing differs. What the service wrote is not
    /// repeated: it may be anything.
    func difference(to there: S3Objects.Head) -> String? {
        if there.sizeBytes != sizeBytes { return "\(there.sizeBytes) bytes in the store instead of \(sizeBytes)" }
        if let checksum, there.checksum != checksum {
            return "\(there.checksum == nil ? "no" : "another") checksum in the store instead of \(checksum)"
        }
        if let tag, there.etag.map({ Self.bare($0) }) != tag {
            return "\(there.etag == nil ? "no" : "another") tag in the store instead of \(tag)"
        }
        return nil
    }

    /// A tag without its quotes.
    static func bare(_ etag: String) -> String { etag.trimmingCharacters(in: ["\""]).lowercased() }
}
