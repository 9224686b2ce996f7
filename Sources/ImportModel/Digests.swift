/// A digest algorithm that a request may name.
package enum DigestAlgorithm: String, Codable, Sendable, CaseIterable {
    case md5, sha256, sha512

    /// Digits of the digest in hexadecimal.
    package var hexLength: Int {
        switch self {
        case .md5: 32
        case .sha256: 64
        case .sha512: 128
        }
    }
}

/// The digest that the bytes as received must have, as `sha256:0123…`.
package struct ExpectedDigest: Hashable, Codable, Sendable, CustomStringConvertible {
    package let algorithm: DigestAlgorithm
    /// Lower-case hexadecimal, of the algorithm's length.
    package let hex: String

    /// Reads `algorithm:hex`; the failure says what is wrong with `text`.
    package init(parsing text: String) throws(InvalidValue) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let algorithm = DigestAlgorithm(rawValue: parts[0].lowercased()) else {
            let known = DigestAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw InvalidValue("checksum '\(text.prefix(160))' must be written algorithm:hex, with one of \(known)")
        }
        let hex = parts[1].lowercased()
        guard hex.utf8.count == algorithm.hexLength, hex.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            throw InvalidValue(
                "checksum '\(text.prefix(160))' must have \(algorithm.hexLength) hexadecimal digits after '\(algorithm.rawValue):'"
            )
        }
        self.algorithm = algorithm
        self.hex = hex
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: String(from: decoder))
    }

    package func encode(to encoder: any Encoder) throws { try description.encode(to: encoder) }

    package var description: String { "\(algorithm.rawValue):\(hex)" }
}

/// The digests that are computed over every image's stored bytes, in lower-case hexadecimal.
package struct ContentDigests: Hashable, Codable, Sendable {
    package var md5: String
    package var sha512: String

    package init(md5: String, sha512: String) {
        self.md5 = md5
        self.sha512 = sha512
    }
}

/// A value that a user gave and that cannot be used; the message says why and what would do.
package struct InvalidValue: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }
}
