/// Addresses with a common prefix (CIDR).
package struct AddressBlock: Hashable, Sendable, CustomStringConvertible {
    let base: IPAddress
    let prefixLength: Int

    /// `nil` unless `text` is an address, or an address, a slash and a number of bits.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let base = IPAddress(String(first)) else { return nil }
        let bits = base.bytes.count * 8
        switch parts.count {
        case 1: prefixLength = bits
        case 2:
            guard parts[1].allSatisfy(\.isNumber), let length = Int(parts[1]), length <= bits else { return nil }
            prefixLength = length
        default: return nil
        }
        self.base = base
    }

    func contains(_ address: IPAddress) -> Bool {
        guard address.bytes.count == base.bytes.count else { return false }
        let whole = prefixLength / 8
        guard address.bytes.prefix(whole) == base.bytes.prefix(whole) else { return false }
        let rest = prefixLength % 8
        if rest == 0 { return true }
        let mask = UInt8(truncatingIfNeeded: 0xff << (8 - rest))
        return address.bytes[whole] & mask == base.bytes[whole] & mask
    }

    package var description: String { "\(base)/\(prefixLength)" }
}
