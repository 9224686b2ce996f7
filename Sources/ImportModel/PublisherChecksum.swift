/// Where a publisher says what an image's digest is, and how that word is to be believed.
package struct PublisherChecksum: Hashable, Codable, Sendable {
    /// A file such as `SHA256SUMS`.
    package var url: String
    /// Its detached signature; `nil` where the file has the signature in it, or none is asked for.
    package var signatureURL: String?
    /// The name of the keyring that one of the signers must be in; `nil`: the file is believed as it comes.
    package var keyring: String?

    package init(url: String, signatureURL: String? = nil, keyring: String? = nil) {
        self.url = url
        self.signatureURL = signatureURL
        self.keyring = keyring
    }

    /// Whether `text` can be the name of a keyring: 1 to 64 of a-z A-Z 0-9 _ . -
    package static func isKeyringName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "_.-".utf8.contains(byte)
                }
            }
    }

    private enum CodingKeys: String, CodingKey {
        case url, keyring
        case signatureURL = "signature"
    }
}
