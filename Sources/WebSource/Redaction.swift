/// `url` as it may be shown and logged: without credentials, query and fragment.
///
/// Takes any text. Where it is not plain what the host is, only the scheme is shown: the rest could be a password.
package func redact(_ url: String) -> String {
    let text = url.prefix(2048)
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://"),
        text[..<colon].allSatisfy({ $0.isLetter || $0.isNumber })
    else { return "(not a URL)" }
    let start = text[...colon] + "//"
    let rest = text.dropFirst(start.count).prefix { $0 != "?" && $0 != "#" }
    let authority = rest.prefix { $0 != "/" }
    let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
    let isPlain = host.utf8.allSatisfy { byte in
        Character(UnicodeScalar(byte)).isLetter || (48...57).contains(byte) || "._-[]:".utf8.contains(byte)
    }
    let afterColon = host.hasPrefix("[") ? "" : host.drop { $0 != ":" }.dropFirst()
    guard isPlain, !host.isEmpty, afterColon.allSatisfy(\.isNumber) else { return start + "(unreadable)" }
    let path = rest[authority.endIndex...].unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : $0 }
    return start + host + String(String.UnicodeScalarView(path))
}
