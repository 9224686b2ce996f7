/// Names with values in one text: `name=value,name=value`. A comma or a backslash within has a backslash in front.
enum PropertyText {
    /// The pairs in their order; `nil` where a part has no `=`, or the text ends with a backslash.
    static func parse(_ text: String) -> [(name: String, value: String)]? {
        var parts = [""]
        var isEscaped = false
        for character in text {
            if isEscaped || (character != "," && character != "\\") {
                parts[parts.count - 1].append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                parts.append("")
            }
        }
        if isEscaped { return nil }
        var pairs: [(name: String, value: String)] = []
        for part in parts where !part.allSatisfy(\.isWhitespace) {
            guard let equals = part.firstIndex(of: "=") else { return nil }
            let name = part[..<equals].drop(while: \.isWhitespace)
            pairs.append((String(name), String(part[part.index(after: equals)...])))
        }
        return pairs
    }

    static func joined(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { "\($0.name)=\($0.value)".replacing("\\", with: "\\\\").replacing(",", with: "\\,") }
            .joined(separator: ",")
    }
}
