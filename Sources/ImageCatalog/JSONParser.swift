/// Reads JSON that a stranger sent: linear in its length, with a bound on its depth.
///
/// Foundation's decoder would need the shape of the text beforehand, or try every shape of every value in turn.
package struct JSONParser {
    /// Deeper nesting than this has no use in any request.
    package static let maxDepth = 32

    /// What is wrong with the text, and where.
    package struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        package let what: String
        /// Bytes from the start.
        package let offset: Int
        package var description: String { "\(what) at byte \(offset)" }
    }

    private let bytes: [UInt8]
    private var index = 0

    /// - Throws: `Failure` for anything but exactly one JSON value in UTF-8.
    package static func parse(_ bytes: [UInt8]) throws(Failure) -> JSON {
        var parser = JSONParser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.index == bytes.count else { throw parser.failure("there is something behind the value") }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func value(depth: Int) throws(Failure) -> JSON {
        guard depth < Self.maxDepth else { throw failure("the nesting is deeper than \(Self.maxDepth) levels") }
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || (48...57).contains(byte): return try number()
        case nil: throw failure("the text ends where a value should be")
        default: throw failure("there is no value")
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSON {
        index += 1
        var members: [String: JSON] = [:]
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw failure("a name in quotes is missing") }
            let name = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("a colon is missing") }
            // Two values for one name are read differently by different programs.
            guard members.updateValue(try value(depth: depth + 1), forKey: name) == nil else {
                throw failure("the name '\(name.prefix(64))' appears twice")
            }
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure("'}' or ',' is missing") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(Failure) -> JSON {
        index += 1
        var items: [JSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(items) }
        repeat {
            items.append(try value(depth: depth + 1))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("']' or ',' is missing") }
        return .array(items)
    }

    private mutating func word(_ word: String, _ value: JSON) throws(Failure) -> JSON {
        guard bytes[index...].starts(with: word.utf8) else { throw failure("there is no value") }
        index += word.utf8.count
        return value
    }

    private mutating func number() throws(Failure) -> JSON {
        let start = index
        var isWhole = true
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
            case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isWhole = false
            default: return try number(bytes[start..<index], isWhole)
            }
            index += 1
        }
        return try number(bytes[start..<index], isWhole)
    }

    private func number(_ digits: ArraySlice<UInt8>, _ isWhole: Bool) throws(Failure) -> JSON {
        let text = String(decoding: digits, as: UTF8.self)
        // Swift reads more than JSON has, such as `1.` and `1.e5`.
        guard digits.count <= 64, Self.isNumber(digits) else { throw failure("this is no number") }
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw failure("this is no number") }
        return .number(value)
    }

    private static func isNumber(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text
        func takeDigits() -> Int {
            let digits = rest.prefix { (48...57).contains($0) }
            rest = rest.dropFirst(digits.count)
            return digits.count
        }
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let hasLeadingZero = rest.first == UInt8(ascii: "0")
        let whole = takeDigits()
        guard whole == 1 || (whole > 1 && !hasLeadingZero) else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            guard takeDigits() > 0 else { return false }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            guard takeDigits() > 0 else { return false }
        }
        return rest.isEmpty
    }

    var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func next() -> UInt8? {
        guard index < bytes.count else { return nil }
        index += 1
        return bytes[index - 1]
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    func failure(_ what: String) -> Failure { Failure(what: what, offset: index) }
}
