/// `url` as it may be shown and logged: without credentials, query and fragment.
///
/// Takes any text. Where it is not plain what the host is, only the scheme is shown: the rest could be a password.
package func redact(_ url: String) -> String {
    // By scalars: an accent behind a mark such as `?` makes another character of both, and would hide it.
    let text = url.unicodeScalars.prefix(2048)
    guard let colon = text.firstIndex(of: ":"), text[colon...].starts(with: "://".unicodeScalars),
        text[..<colon].allSatisfy({ $0.properties.isAlphabetic || isDigit($0) })
    else { return "(not a URL)" }
    let rest = text[colon...].dropFirst(3).prefix { $0 != "?" && $0 != "#" }
    let start = String(text[..<colon]) + "://"
    let authority = rest.prefix { $0 != "/" }
    let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
    let isPlain = host.allSatisfy { scalar in
        scalar.isASCII
            && (scalar.properties.isAlphabetic || isDigit(scalar) || "._-[]:".unicodeScalars.contains(scalar))
    }
    let afterColon = host.first == "[" ? host.prefix(0) : host.drop { $0 != ":" }.dropFirst()
    guard isPlain, !host.isEmpty, afterColon.allSatisfy(isDigit) else { return start + "(unreadable)" }
    let path = rest[authority.endIndex...].map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }
    return start + String(host) + String(String.UnicodeScalarView(path))
}

private func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
