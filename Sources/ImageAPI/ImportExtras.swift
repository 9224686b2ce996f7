import ImageCatalog
import ImportModel

/// The member `longshore` of an import's body: what the Image API has no word for.
struct ImportExtras: Hashable, Sendable {
    var checksum: ExpectedDigest?
    var publisher: PublisherChecksum?
    var priority = TaskRecord.defaultPriority

    init(_ value: JSON?) throws(APIError) {
        guard let value else { return }
        guard let members = value.object else { throw ImportOrder.refused("'longshore' must be an object.") }
        try ImportOrder.admit(
            members, ["checksum", "checksum_url", "signature_url", "keyring", "priority"], in: "'longshore'")
        checksum = try Self.checksum(members["checksum"])
        publisher = try Self.publisher(members)
        if checksum != nil, publisher != nil {
            throw ImportOrder.refused("'checksum' and 'checksum_url' exclude each other; give one of them.")
        }
        if let given = members["priority"] {
            guard let number = given.integer, (0...9).contains(number) else {
                throw ImportOrder.refused("'priority' must be a whole number from 0 (last) to 9 (first).")
            }
            priority = Int(number)
        }
    }

    private static func checksum(_ value: JSON?) throws(APIError) -> ExpectedDigest? {
        guard let value else { return nil }
        guard let text = value.string else {
            throw ImportOrder.refused("'checksum' must be a string such as sha256:0123….")
        }
        do { return try ExpectedDigest(parsing: text) } catch { throw ImportOrder.refused(error.message) }
    }

    private static func publisher(_ members: [String: JSON]) throws(APIError) -> PublisherChecksum? {
        let url = try text("checksum_url", of: members)
        let signature = try text("signature_url", of: members)
        let keyring = try text("keyring", of: members)
        guard let url else {
            if signature == nil, keyring == nil { return nil }
            throw ImportOrder.refused("'signature_url' and 'keyring' go with 'checksum_url'.")
        }
        guard signature == nil || keyring != nil else {
            throw ImportOrder.refused("'signature_url' needs a 'keyring': whose signature shall it be?")
        }
        return PublisherChecksum(url: url, signatureURL: signature, keyring: keyring)
    }

    private static func text(_ name: String, of members: [String: JSON]) throws(APIError) -> String? {
        guard let value = members[name] else { return nil }
        guard let text = value.string else { throw ImportOrder.refused("'\(name)' must be a string.") }
        return text
    }
}
