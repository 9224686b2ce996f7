package import ImportModel

/// An entry of an allow or deny list: a block of addresses, a host, or a domain with all hosts in it.
package enum HostRule: Hashable, Sendable, CustomStringConvertible {
    case block(AddressBlock)
    case host(String)
    /// Without the dot in front.
    case domain(String)

    /// Reads `10.0.0.0/8`, `192.0.2.7`, `images.example.com` or `.example.com`.
    package init(parsing text: String) throws(InvalidValue) {
        let lower = text.lowercased()
        if let block = AddressBlock(lower) {
            self = .block(block)
        } else if lower.hasPrefix("."), SourceURL.isHostName(String(lower.dropFirst())) {
            self = .domain(String(lower.dropFirst()))
        } else if SourceURL.isHostName(lower) {
            self = .host(lower)
        } else {
            throw InvalidValue(
                "'\(text)' must be an address, a block such as 10.0.0.0/8, a host, or a domain such as .example.com")
        }
    }

    func matches(name: String) -> Bool {
        switch self {
        case .block: false
        case .host(let host): name == host
        case .domain(let domain): name == domain || name.hasSuffix("." + domain)
        }
    }

    func matches(address: IPAddress) -> Bool {
        if case .block(let block) = self { block.contains(address) } else { false }
    }

    package var description: String {
        switch self {
        case .block(let block): block.description
        case .host(let host): host
        case .domain(let domain): "." + domain
        }
    }
}
