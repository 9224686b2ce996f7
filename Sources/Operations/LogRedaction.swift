/// The last defence against credentials in logs: takes them out of anything that looks like a URL.
///
/// Code that knows that it holds a URL masks it itself; this catches what was overlooked, such as an error of a
/// library that quotes the URL it was given.
package enum LogRedaction {
    /// `text` without the user information, query and fragment of the URLs in it.
    package static func redact(_ text: String) -> String {
        // By scalars: an accent behind a mark such as `@` makes another character of both, and would hide it.
        var rest = text.unicodeScalars[...]
        let mark = "://".unicodeScalars
        guard rest.firstRange(of: mark) != nil else { return text }
        var result = ""
        while let separator = rest.firstRange(of: mark) {
            result += String(rest[..<separator.upperBound])
            let tail = rest[separator.upperBound...]
            let end = tail.firstIndex(where: endsURL) ?? tail.endIndex
            result += withoutSecrets(tail[..<end])
            rest = tail[end...]
        }
        return result + String(rest)
    }

    private typealias Scalars = Substring.UnicodeScalarView

    private static func endsURL(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || "\"'<>`".unicodeScalars.contains(scalar)
    }

    /// What stands behind `://`, masked.
    private static func withoutSecrets(_ url: Scalars) -> String {
        var shown = url
        var tail = ""
        if let mark = url.firstIndex(where: { $0 == "?" || $0 == "#" }), !hidesUserInfo(url[mark...], of: url[..<mark])
        {
            shown = url[..<mark]
            tail = "\(url[mark])***"
        }
        let authority = shown.prefix { $0 != "/" }
        // A password may hold a slash that should have been escaped; then the `@` is found further on.
        let at = authority.lastIndex(of: "@") ?? (hasOddPort(authority) ? shown.lastIndex(of: "@") : nil)
        guard let at else { return String(shown) + tail }
        return "***" + String(shown[at...]) + tail
    }

    /// Whether the `?` or `#` belongs to a password, as in `user:pa?ss@host`.
    private static func hidesUserInfo(_ tail: Scalars, of head: Scalars) -> Bool {
        !head.contains("/") && !head.contains("@") && hasOddPort(head) && tail.contains("@")
    }

    /// Whether what follows the colon cannot be a port.
    private static func hasOddPort(_ authority: Scalars) -> Bool {
        guard authority.first != "[", let colon = authority.firstIndex(of: ":") else { return false }
        return UInt16(String(authority[authority.index(after: colon)...])) == nil
    }
}
