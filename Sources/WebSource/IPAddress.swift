import Glibc
import NIOCore

/// An IPv4 or IPv6 address, without a zone.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16 bytes in network order.
    let bytes: [UInt8]

    /// `nil` unless `text` is four decimal numbers without leading zeros, or an IPv6 address.
    package init?(_ text: String) {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes
                return
            }
        }
        return nil
    }

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// The IPv4 address that an IPv4-mapped IPv6 address stands for; else itself. Kernels treat both alike.
    var canonical: IPAddress {
        Self.mapped.contains(self) ? IPAddress(bytes: Array(bytes.suffix(4))) : self
    }

    /// The IPv4 address that networks without IPv4 reach by an address of theirs (NAT64); `nil` for other addresses.
    var translated: IPAddress? {
        Self.translation.contains(self) ? IPAddress(bytes: Array(bytes.suffix(4))) : nil
    }

    /// Whether everyone on the internet reaches the same host by it (IANA's special-purpose address registries).
    var isPublic: Bool {
        let address = canonical
        if address.bytes.count == 4 { return !Self.special4.contains { $0.contains(address) } }
        if let translated { return translated.isPublic }
        return Self.global6.contains(address) && !Self.special6.contains { $0.contains(address) }
    }

    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func socketAddress(port: Int) throws -> SocketAddress {
        try SocketAddress(packedIPAddress: ByteBuffer(bytes: canonical.bytes), port: port)
    }

    private static let mapped = block("::ffff:0:0/96")
    private static let translation = block("64:ff9b::/96")
    /// Nothing outside it has been given out.
    private static let global6 = block("2000::/3")

    private static let special4 = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4",
        // Public by its number, but a cloud's own service on every machine there.
        "168.63.129.16/32",
    ].map(block)

    // Protocol assignments with Teredo, documentation, 6to4.
    private static let special6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"].map(block)

    private static func block(_ text: String) -> AddressBlock {
        guard let block = AddressBlock(text) else { preconditionFailure("\(text) is no block of addresses") }
        return block
    }
}
