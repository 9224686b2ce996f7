import Foundation
import ImportModel

/// A URL of a source, parsed once: what is checked here is what is asked for on the wire.
///
/// Stricter than RFC 3986 where parsers are known to differ, since a difference is how checks are passed by.
struct SourceURL: Hashable, Sendable {
    enum Host: Hashable, Sendable {
        /// In lower case, without a dot at the end.
        case name(String)
        case address(IPAddress)
    }

    static let maxBytes = 8192

    var scheme: String
    /// As written before the `@`.
    var userinfo: String?
    var host: Host
    var port: Int
    /// Path and query; starts with a slash.
    var target: String

    init(parsing text: String) throws(InvalidValue) {
        let shown = redact(text)
        func wrong(_ what: String) -> InvalidValue { InvalidValue("\(shown): \(what)") }

        guard text.utf8.count <= Self.maxBytes else {
            throw InvalidValue("the URL is longer than \(Self.maxBytes) bytes; use a shorter one")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) else {
            throw wrong("a URL has no spaces, backslashes, control or non-ASCII characters; write them as %XX")
        }
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            throw wrong("a source must be written http://host/path or https://host/path")
        }
        scheme = text[..<colon].lowercased()
        guard scheme == "http" || scheme == "https" else { throw wrong("use http or https") }
        let rest = text[colon...].dropFirst(3).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let tail = rest[authority.endIndex...]
        target = tail.hasPrefix("/") ? String(tail) : "/" + tail

        let parts = authority.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count <= 2, let hostAndPort = parts.last else {
            throw wrong("there is more than one '@' before the path; write those in a password as %40")
        }
        userinfo = parts.count == 2 ? String(parts[0]) : nil

        let (hostText, portText) = Self.split(hostAndPort)
        guard let host = Self.host(hostText) else {
            throw wrong(
                "the host must be a name, an IPv4 address as four decimal numbers, or an IPv6 address in brackets")
        }
        self.host = host
        switch portText {
        case nil: port = scheme == "https" ? 443 : 80
        case .some(let digits):
            guard digits.utf8.allSatisfy({ (48...57).contains($0) }), digits.utf8.count <= 5, let number = Int(digits),
                (1...65535).contains(number)
            else { throw wrong("the port after the host must be a number from 1 to 65535, or be left out") }
            port = number
        }
    }

    var hostName: String? { if case .name(let name) = host { name } else { nil } }

    /// The host as a URL and the `Host` header have it.
    var hostText: String {
        switch host {
        case .name(let name): name
        case .address(let address): address.bytes.count == 4 ? "\(address)" : "[\(address)]"
        }
    }

    private var defaultPort: Int { scheme == "https" ? 443 : 80 }
    var hostHeader: String { port == defaultPort ? hostText : "\(hostText):\(port)" }
    var origin: String { "\(scheme)://\(hostText):\(port)" }
    /// Without credentials, query and fragment.
    var redacted: String { "\(scheme)://\(hostHeader)\(target.prefix { $0 != "?" })" }

    /// The value of an `Authorization` header for the credentials in the URL.
    var authorization: String? {
        guard let userinfo, let plain = userinfo.removingPercentEncoding else { return nil }
        return "Basic " + Data((plain.contains(":") ? plain : plain + ":").utf8).base64EncodedString()
    }

    private static func split(_ text: Substring) -> (host: Substring, port: Substring?) {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            let after = text[text.index(after: end)...]
            if after.isEmpty { return (text, nil) }
            // Anything but a port after the bracket makes the whole no host.
            return after.hasPrefix(":") ? (text[...end], after.dropFirst()) : (text, nil)
        }
        guard let colon = text.firstIndex(of: ":") else { return (text, nil) }
        return (text[..<colon], text[colon...].dropFirst())
    }

    private static func host(_ text: Substring) -> Host? {
        if text.hasPrefix("[") {
            guard text.hasSuffix("]"), let address = IPAddress(String(text.dropFirst().dropLast())),
                address.bytes.count == 16
            else { return nil }
            return .address(address.canonical)
        }
        var name = text.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        guard isHostName(name) else {
            // Only the plain spelling: resolvers also take octal, hexadecimal and shortened ones, each in its own way.
            guard let address = IPAddress(name), address.bytes.count == 4, !text.hasSuffix(".") else { return nil }
            return .address(address)
        }
        return .name(name)
    }

    /// Whether `name` (in lower case) can be a host's name, and cannot be taken for a number by any resolver.
    static func isHostName(_ name: String) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard name.utf8.count <= 253, let last = labels.last else { return false }
        let isNumber = last.utf8.allSatisfy { (48...57).contains($0) } || last.hasPrefix("0x")
        return !isNumber
            && labels.allSatisfy { label in
                !label.isEmpty && label.utf8.count <= 63 && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.utf8.allSatisfy {
                        (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 95
                    }
            }
    }
}
