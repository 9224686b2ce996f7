import Foundation
package import ImportModel

/// Where the service is: the part of its URLs before `/v2` and `/longshore/v1`.
package struct ServiceEndpoint: Hashable, Sendable, CustomStringConvertible {
    package static let local = ServiceEndpoint(unchecked: "http://127.0.0.1:9292")

    /// Without a slash at the end.
    package let base: String

    /// Reads an `http` or `https` URL; a `/v2` at its end, as OpenStack's catalogues give it, is left out.
    package init(parsing text: String) throws(InvalidValue) {
        let shown = SafeText.url(text)
        guard let url = URLComponents(string: text), let host = url.host, !host.isEmpty,
            ["http", "https"].contains(url.scheme?.lowercased())
        else {
            throw InvalidValue("endpoint '\(shown)' must be an http or https URL such as \(Self.local)")
        }
        guard url.user == nil, url.password == nil, url.query == nil, url.fragment == nil else {
            throw InvalidValue("endpoint '\(shown)' must have no credentials, query or fragment; give a token instead")
        }
        var base = text
        while base.hasSuffix("/") { base.removeLast() }
        if base.hasSuffix("/v2") { base.removeLast(3) }
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
    }

    private init(unchecked base: String) { self.base = base }

    /// The URL of `path`, which begins with a slash, with the query's names and values escaped.
    func url(_ path: String, query: [(String, String)] = []) -> String {
        guard !query.isEmpty else { return base + path }
        let pairs = query.map { "\(Self.escape($0.0))=\(Self.escape($0.1))" }
        return base + path + "?" + pairs.joined(separator: "&")
    }

    /// `text` as one segment of a path or one part of a query.
    static func escape(_ text: String) -> String {
        // Only what RFC 3986 calls unreserved: nothing that could end the segment.
        let allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }

    package var description: String { base }
}
