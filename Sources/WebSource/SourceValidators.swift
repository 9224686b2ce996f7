import Foundation
import NIOHTTP1

/// What an answer says of the version of its bytes, as far as that can be relied on to ask for the rest of them later.
package struct SourceValidators: Hashable, Sendable, Codable {
    /// A strong one, as it was sent, at most 256 bytes long: equal tags mean equal bytes.
    package var etag: String?
    /// Only where there is no tag at all, and only if the answer was made a minute or more after it: what changes
    /// twice within a second would keep it.
    package var lastModified: String?
    /// Of the whole source, if the server said.
    package var totalBytes: Int64?
    /// Whether the server offers parts of it; `nil` where it says nothing.
    package var acceptsRanges: Bool?

    package init(
        etag: String? = nil, lastModified: String? = nil, totalBytes: Int64? = nil, acceptsRanges: Bool? = nil
    ) {
        self.etag = etag
        self.lastModified = lastModified
        self.totalBytes = totalBytes
        self.acceptsRanges = acceptsRanges
    }

    /// Whether asking for the rest behind some offset makes sense.
    package var allowResuming: Bool { condition != nil && totalBytes != nil && acceptsRanges != false }

    /// For `If-Range`.
    var condition: String? { etag ?? lastModified }
}

extension SourceValidators {
    /// Of an answer with the whole source.
    init(_ headers: HTTPHeaders, totalBytes: Int64?) {
        let tags = headers["etag"]
        self.init(
            etag: tags.count == 1 && Self.isStrong(tags[0]) ? tags[0] : nil,
            lastModified: tags.isEmpty ? Self.strongDate(headers) : nil, totalBytes: totalBytes,
            acceptsRanges: Self.acceptsRanges(headers))
    }

    private static func acceptsRanges(_ headers: HTTPHeaders) -> Bool? {
        let units = headers[canonicalForm: "accept-ranges"].map { $0.lowercased() }
        return units.isEmpty ? nil : units.contains("bytes")
    }

    private static func isStrong(_ tag: String) -> Bool {
        let bytes = tag.utf8
        guard bytes.count >= 3, bytes.count <= 256, bytes.first == UInt8(ascii: "\""), bytes.last == bytes.first else {
            return false
        }
        return bytes.dropFirst().dropLast().allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != 0x7f }
    }

    /// RFC 9110, section 8.8.2.2, with a minute for clocks that are not the same.
    private static func strongDate(_ headers: HTTPHeaders) -> String? {
        let (modified, sent) = (headers["last-modified"], headers["date"])
        guard modified.count == 1, sent.count == 1, let first = HTTPDate.parse(modified[0]),
            let second = HTTPDate.parse(sent[0]), second.timeIntervalSince(first) >= 60
        else { return nil }
        return modified[0]
    }
}
