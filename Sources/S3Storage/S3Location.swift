import Foundation
import ImportModel

/// The address of a bucket: how a key becomes a URL, and back.
struct S3Location: Sendable {
    /// `https://host:port`, with the bucket in front of the host where it belongs there.
    let origin: String
    /// The same without a bucket: which service this is.
    let service: String
    /// What the header `Host` says, and what is signed.
    let host: String
    let bucket: String
    /// Empty, or ending in a slash.
    let prefix: String
    private let basePath: String

    /// - Throws: what cannot be used, and what would do.
    init(_ configuration: S3Configuration) throws(InvalidValue) {
        let endpoint = configuration.endpoint
        guard let url = URLComponents(string: endpoint), let scheme = url.scheme, ["http", "https"].contains(scheme),
            let name = url.host, !name.isEmpty, ["", "/"].contains(url.path), url.user == nil, url.query == nil,
            url.fragment == nil
        else { throw InvalidValue("endpoint is not https://host or https://host:port") }
        bucket = configuration.bucket
        guard (3...63).contains(bucket.utf8.count), !bucket.hasPrefix("."), !bucket.contains(".."),
            bucket.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) })
        else {
            throw InvalidValue("'\(bucket)' is no name of a bucket: it has 3 to 63 letters, digits, dots and dashes")
        }
        let parts = configuration.prefix.split(separator: "/", omittingEmptySubsequences: false)
            .drop(while: \.isEmpty).reversed().drop(while: \.isEmpty).reversed()
        guard parts.allSatisfy({ !["", ".", ".."].contains($0) }), configuration.prefix.utf8.count <= 512 else {
            throw InvalidValue("prefix '\(configuration.prefix)' has a part that is empty, '.' or '..', or is too long")
        }
        prefix = parts.map { $0 + "/" }.joined()
        let isUsualPort = url.port == nil || url.port == (scheme == "https" ? 443 : 80)
        let address = isUsualPort ? name : "\(name):\(url.port ?? 0)"
        host = configuration.usesPathStyle ? address : "\(bucket).\(address)"
        origin = "\(scheme)://\(host)"
        service = "\(scheme)://\(address)"
        basePath = configuration.usesPathStyle ? "/\(bucket)" : ""
    }

    /// The key in the bucket of an object of the store.
    func name(of key: ObjectKey) -> String { prefix + key.description }

    /// The object of the store that `name` is the key of; `nil` for what is not the store's.
    func key(of name: some StringProtocol) -> ObjectKey? {
        name.hasPrefix(prefix) ? ObjectKey(String(name.dropFirst(prefix.count))) : nil
    }

    /// The path of a key in the bucket, or of the bucket itself, percent-encoded as it is sent and signed.
    func path(of name: String?) -> String {
        guard let name else { return basePath.isEmpty ? "/" : basePath }
        return basePath + "/" + S3Text.encode(name, keeping: "/")
    }
}

/// The one percent-encoding that S3 signs: everything but letters, digits and `-._~`.
enum S3Text {
    static func encode(_ text: String, keeping more: String = "") -> String {
        var result = ""
        for byte in text.utf8 {
            let character = Character(Unicode.Scalar(byte))
            let isPlain = byte < 128 && (character.isLetter || character.isNumber || "-._~".contains(character))
            if isPlain || more.contains(character) {
                result.append(character)
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
