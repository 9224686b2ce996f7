package import ImportModel

/// What a user may name as a source.
///
/// By default only what is reachable on the public internet, so that a worker cannot be used to look into the network
/// that it stands in. What an operator allows is added to that, and what is denied is denied whatever else is said.
package struct SourcePolicy: Sendable {
    package var schemes: Set<String>
    package var ports: [ClosedRange<Int>]
    /// Accepted although the address is not a public one.
    package var allow: [HostRule]
    /// Refused in any case.
    package var deny: [HostRule]

    package static let defaultPorts = [80...80, 443...443, 1024...65535]

    package init(
        schemes: Set<String> = ["http", "https"], ports: [ClosedRange<Int>] = SourcePolicy.defaultPorts,
        allow: [HostRule] = [], deny: [HostRule] = []
    ) {
        self.schemes = schemes
        self.ports = ports
        self.allow = allow
        self.deny = deny
    }

    /// Checks all that can be checked without asking the network.
    /// - Throws: what is wrong with `url`, and what would do. Credentials, query and fragment are not repeated in it.
    package func check(_ url: String) throws(InvalidValue) {
        try check(SourceURL(parsing: url))
    }

    func check(_ url: SourceURL) throws(InvalidValue) {
        guard schemes.contains(url.scheme) else {
            throw InvalidValue(
                "\(url.redacted): sources by \(url.scheme) are not allowed here; use \(schemes.sorted().joined(separator: " or "))"
            )
        }
        guard ports.contains(where: { $0.contains(url.port) }) else {
            throw InvalidValue(
                "\(url.redacted): port \(url.port) is not allowed; serve the image on another, or ask the operator to add it"
            )
        }
        switch url.host {
        case .address(let address):
            try check(address, of: url)
        case .name(let name):
            if deny.contains(where: { $0.matches(name: name) }) { throw denied(url, name) }
            let isLocal = name == "localhost" || name.hasSuffix(".localhost")
            // An address that is allowed may well have this name: then the answer of the resolver decides.
            if isLocal && allow.isEmpty { throw notPublic(url, name) }
        }
    }

    /// Checks an address that the host of `url` is, or was resolved to.
    func check(_ address: IPAddress, of url: SourceURL) throws(InvalidValue) {
        let forms = [address, address.canonical] + (address.translated.map { [$0] } ?? [])
        if deny.contains(where: { rule in forms.contains { rule.matches(address: $0) } }) {
            throw denied(url, address.description)
        }
        if let name = url.hostName, allow.contains(where: { $0.matches(name: name) }) { return }
        if allow.contains(where: { $0.matches(address: address.canonical) }) { return }
        guard address.isPublic else { throw notPublic(url, address.description) }
    }

    private func denied(_ url: SourceURL, _ host: String) -> InvalidValue {
        InvalidValue("\(url.redacted): the operator does not allow sources at \(host); serve the image elsewhere")
    }

    private func notPublic(_ url: SourceURL, _ host: String) -> InvalidValue {
        InvalidValue(
            "\(url.redacted): \(host) is not a public address; serve the image elsewhere, or ask the operator to allow it"
        )
    }
}
