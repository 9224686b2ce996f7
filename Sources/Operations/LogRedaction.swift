/// The last defence against credentials in logs: takes them out of anything that looks like a URL.
///
/// Code that knows that it holds a URL masks it itself; this catches what was overlooked, such as an error of a
/// library that quotes the URL it was given.
package enum LogRedaction {
    /// `text` without the user information, query and fragment of the URLs in it.
    package static func redact(_ text: String) -> String {
        guard text.contains("://") else { return text }
        var result = ""
        var rest = text[...]
        while let separator = rest.firstRange(of: "://") {
            result += rest[..<separator.upperBound]
            let tail = rest[separator.upperBound...]
            let end = tail.firstIndex(where: endsURL) ?? tail.endIndex
            result += withoutSecrets(tail[..<end])
            rest = tail[end...]
        }
        return result + rest
    }

    private static func endsURL(_ character: Character) -> Bool {
        character.isWhitespace || "\"'<>`".contains(character)
    }

    /// What stands behind `://`, masked.
    private static func withoutSecrets(_ url: Substring) -> String {
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
        guard let at else { return shown + tail }
        return "***" + shown[at...] + tail
    }

    /// Whether the `?` or `#` belongs to a password, as in `user:pa?ss@host`.
    private static func hidesUserInfo(_ tail: Substring, of head: Substring) -> Bool {
        !head.contains("/") && !head.contains("@") && hasOddPort(head) && tail.contains("@")
    }

    /// Whether what follows the colon cannot be a port.
    private static func hasOddPort(_ authority: Substring) -> Bool {
        guard !authority.hasPrefix("["), let colon = authority.firstIndex(of: ":") else { return false }
        return UInt16(authority[authority.index(after: colon)...]) == nil
    }
}
