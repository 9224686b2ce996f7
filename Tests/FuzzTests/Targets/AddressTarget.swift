import ImportModel
@testable import WebSource

/// Spellings of addresses: however one is written, the policy decides by where a packet would go.
enum AddressTarget {
    static func check(_ input: [UInt8]) throws(Violation) {
        var deck = ByteDeck(input)
        let bytes = deck.bytes(deck.bit() ? 16 : 4)
        let address = IPAddress(bytes: bytes)
        let host = AddressSpelling.spell(bytes, &deck)
        let url = AddressSpelling.url(host, &deck)
        try block(address, &deck)

        let policy = SourcePolicy(ports: [1...65535])
        if Referees.isDangerous(bytes) {
            try require(!address.isPublic, "\(address) is taken for public")
            try require(isRefused(url, by: policy), "\(url) is allowed, and means \(address)")
        }
        // Denied is denied, in whatever spelling, and whatever is allowed besides.
        guard let all = AddressBlock("\(address)/\(bytes.count == 4 ? 24 : 64)") else {
            throw Violation(description: "\(address) makes no block")
        }
        let denying = SourcePolicy(ports: [1...65535], allow: [.block(all)], deny: [.block(all)])
        try require(isRefused(url, by: denying), "\(url) is allowed although \(address) is denied")
        let plain = bytes.count == 4 ? "http://\(address)/" : "http://[\(address)]/"
        let canonical = address.canonical
        guard let own = AddressBlock("\(canonical)/\(canonical.bytes.count * 8)") else {
            throw Violation(description: "\(canonical) makes no block")
        }
        let allowing = SourcePolicy(allow: [.block(own)])
        try require(!isRefused(plain, by: allowing), "\(plain) is refused although it is allowed")

        let text = deck.text()
        guard let rule = try? HostRule(parsing: text) else { return }
        let again = try expect("'\(rule)' is no rule") { try HostRule(parsing: rule.description) }
        try require(again == rule, "'\(rule)' is another rule")
    }

    private static func isRefused(_ url: String, by policy: SourcePolicy) -> Bool {
        do { try policy.check(url) } catch { return true }
        return false
    }

    /// Whether an address is in a block, bit by bit.
    private static func block(_ address: IPAddress, _ deck: inout ByteDeck) throws(Violation) {
        let bits = address.bytes.count * 8
        let length = deck.choice(below: bits + 1)
        guard let block = AddressBlock("\(address)/\(length)") else {
            throw Violation(description: "\(address)/\(length) is no block")
        }
        let flipped = deck.choice(below: bits)
        var other = address.bytes
        other[flipped / 8] ^= 0x80 >> UInt8(flipped % 8)
        try require(block.contains(address), "\(block) lacks \(address)")
        let isIn = block.contains(IPAddress(bytes: other))
        try require(isIn == (flipped >= length), "\(block) is wrong about \(IPAddress(bytes: other))")
    }
}
