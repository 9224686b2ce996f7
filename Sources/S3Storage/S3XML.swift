import ImportModel

/// An element of what a service answers, with its texts and children; attributes and namespaces are left out.
///
/// Read by a small parser of its own, for answers of strangers: no document types, no entities beyond those of XML
/// itself, bounded depth and number.
struct S3XML: Sendable {
    let name: String
    private(set) var text = ""
    private(set) var children: [S3XML] = []

    /// The first child of this name.
    subscript(name: String) -> S3XML? { children.first { $0.name == name } }

    /// The text of the first child of this name; `nil` where it is missing or empty.
    func value(_ name: String) -> String? {
        guard let text = self[name]?.text, !text.isEmpty else { return nil }
        return text
    }

    func all(_ name: String) -> [S3XML] { children.filter { $0.name == name } }

    /// `nil` for what is not well-formed, or goes beyond the limits.
    init?(parsing bytes: some Sequence<UInt8>) {
        var scanner = Scanner(bytes: Array(bytes))
        guard let root = scanner.document() else { return nil }
        self = root
    }

    /// Nothing at all.
    static let none = S3XML(name: "")

    fileprivate init(name: String) { self.name = name }

    private static let maxDepth = 16
    private static let maxElements = 50_000

    private struct Scanner {
        let bytes: [UInt8]
        var position = 0
        var elements = 0

        mutating func document() -> S3XML? {
            var open: [S3XML] = []
            while position < bytes.count {
                guard bytes[position] == UInt8(ascii: "<") else {
                    let start = position
                    while position < bytes.count, bytes[position] != UInt8(ascii: "<") { position += 1 }
                    guard let text = Self.unescaped(bytes[start..<position]) else { return nil }
                    // Around the root stands white space at most: some services send it to keep a connection alive.
                    if open.isEmpty {
                        guard text.allSatisfy({ $0.isWhitespace || $0 == "\u{FEFF}" }) else { return nil }
                    } else if open[open.count - 1].children.isEmpty {
                        open[open.count - 1].text += text
                    }
                    continue
                }
                if skip("<?") {
                    guard skipPast("?>") else { return nil }
                } else if skip("<!--") {
                    guard skipPast("-->") else { return nil }
                } else if skip("<![CDATA[") {
                    let start = position
                    guard !open.isEmpty, skipPast("]]>") else { return nil }
                    open[open.count - 1].text += String(decoding: bytes[start..<position - 3], as: UTF8.self)
                } else if skip("</") {
                    guard let name = self.name(), skipPast(">"), let closed = open.popLast(), closed.name == name else {
                        return nil
                    }
                    guard !open.isEmpty else { return closed }
                    open[open.count - 1].add(closed)
                } else {
                    position += 1
                    guard let name = self.name(), let isEmpty = endOfTag() else { return nil }
                    elements += 1
                    guard elements <= S3XML.maxElements, open.count < S3XML.maxDepth else { return nil }
                    if !isEmpty {
                        open.append(S3XML(name: name))
                    } else if open.isEmpty {
                        return S3XML(name: name)
                    } else {
                        open[open.count - 1].add(S3XML(name: name))
                    }
                }
            }
            return nil
        }

        private mutating func skip(_ mark: StaticString) -> Bool {
            let mark = UnsafeBufferPointer(start: mark.utf8Start, count: mark.utf8CodeUnitCount)
            guard bytes[position...].starts(with: mark) else { return false }
            position += mark.count
            return true
        }

        private mutating func skipPast(_ mark: StaticString) -> Bool {
            while position < bytes.count {
                if skip(mark) { return true }
                position += 1
            }
            return false
        }

        /// A name without its namespace; a declaration (`<!DOCTYPE`) has none.
        private mutating func name() -> String? {
            let start = position
            while position < bytes.count, !" \t\r\n/>\"'=<!&".utf8.contains(bytes[position]) { position += 1 }
            let local = bytes[start..<position].split(separator: UInt8(ascii: ":")).last
            return local.map { String(decoding: $0, as: UTF8.self) }
        }

        /// Goes past the attributes; whether the element has no content.
        private mutating func endOfTag() -> Bool? {
            var quote: UInt8?
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                if quote != nil {
                    if byte == quote { quote = nil }
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = byte
                } else if byte == UInt8(ascii: "<") {
                    return nil
                } else if byte == UInt8(ascii: ">") {
                    return bytes[position - 2] == UInt8(ascii: "/")
                }
            }
            return nil
        }

        private static func unescaped(_ raw: ArraySlice<UInt8>) -> String? {
            guard raw.contains(UInt8(ascii: "&")) else { return String(decoding: raw, as: UTF8.self) }
            var result = ""
            var rest = raw
            while let mark = rest.firstIndex(of: UInt8(ascii: "&")) {
                result += String(decoding: rest[..<mark], as: UTF8.self)
                guard let end = rest[mark...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else { return nil }
                guard let scalar = entity(String(decoding: rest[(mark + 1)..<end], as: UTF8.self)) else { return nil }
                result.unicodeScalars.append(scalar)
                rest = rest[(end + 1)...]
            }
            return result + String(decoding: rest, as: UTF8.self)
        }

        private static func entity(_ name: String) -> Unicode.Scalar? {
            switch name {
            case "amp": "&"
            case "lt": "<"
            case "gt": ">"
            case "quot": "\""
            case "apos": "'"
            case let name where name.hasPrefix("#x"): UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
            case let name where name.hasPrefix("#"): UInt32(name.dropFirst(1)).flatMap(Unicode.Scalar.init)
            default: nil
            }
        }
    }

    private mutating func add(_ child: S3XML) {
        // The white space between elements says nothing.
        if children.isEmpty { text = "" }
        children.append(child)
    }

    /// `text` for the inside of an element.
    static func escape(_ text: String) -> String {
        text.replacingScalar("&", with: "&amp;").replacingScalar("<", with: "&lt;").replacingScalar(">", with: "&gt;")
            .replacingScalar("\"", with: "&quot;")
    }
}
