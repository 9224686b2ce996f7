import ImportModel

extension SourceURL {
    /// The URL that a `Location` header means, seen from this one (RFC 3986, section 5). Credentials in it are dropped;
    /// ours go along only while scheme, host and port stay.
    func following(_ location: String) throws(InvalidValue) -> SourceURL {
        let reference = Self.encoded(location).prefix { $0 != "#" }
        var url: SourceURL
        if Self.hasScheme(reference) {
            url = try SourceURL(parsing: String(reference))
        } else if reference.hasPrefix("//") {
            url = try SourceURL(parsing: "\(scheme):\(reference)")
        } else {
            let path = target.prefix { $0 != "?" }
            let base: Substring =
                switch reference.first {
                case nil: target[...]
                case "/": ""
                case "?": path
                default: path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex)
                }
            let joined = base + reference
            url = try SourceURL(parsing: "\(scheme)://\(hostHeader)\(joined)")
        }
        url.target = Self.withoutDotSegments(url.target)
        url.userinfo = url.origin == origin ? userinfo : nil
        return url
    }

    private static func hasScheme(_ reference: Substring) -> Bool {
        guard let colon = reference.firstIndex(of: ":"), let first = reference.first, first.isLetter else {
            return false
        }
        return reference[..<colon].allSatisfy { $0.isLetter || $0.isNumber || "+-.".contains($0) }
    }

    /// Servers send spaces and raw UTF-8 in `Location`; everybody reads them as if encoded.
    private static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if byte > 0x7f || byte == 0x20 {
                let hex = String(byte, radix: 16, uppercase: true)
                bytes += Array("%\(hex.count == 1 ? "0" : "")\(hex)".utf8)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func withoutDotSegments(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        var kept: [Substring] = []
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            switch segment {
            case ".", "..":
                if segment == ".." && !kept.isEmpty { kept.removeLast() }
                if index == segments.count - 1 { kept.append("") }
            default: kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/") + target[path.endIndex...]
    }
}
