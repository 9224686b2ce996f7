/// Names with values in one text: `name=value,name=value`. A comma or a backslash within has a backslash in front, and so
/// has an equals sign in a name.
enum PropertyText {
    /// The pairs in their order; `nil` where a part has no `=`, or the text ends with a backslash.
    static func parse(_ text: String) -> [(name: String, value: String)]? {
        var pairs: [(name: String, value: String)] = []
        var name: String?
        var part = ""
        var isEscaped = false

        func endPart() -> Bool {
            defer { (name, part) = (nil, "") }
            guard let name else { return part.allSatisfy(\.isWhitespace) }
            pairs.append((String(name.drop(while: \.isWhitespace)), part))
            return true
        }

        for character in text {
            if isEscaped {
                part.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "," {
                guard endPart() else { return nil }
            } else if character == "=", name == nil {
                (name, part) = (part, "")
            } else {
                part.append(character)
            }
        }
        return !isEscaped && endPart() ? pairs : nil
    }

    static func joined(_ pairs: [(name: String, value: String)]) -> String {
        pairs.map { "\(escaped($0.name).replacing("=", with: "\\="))=\(escaped($0.value))" }.joined(separator: ",")
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing(",", with: "\\,")
    }
}
