import Foundation
import ImportModel

/// One line of a file of checksums that names a digest.
struct ChecksumLine: Hashable, Sendable {
    enum Algorithm: Hashable, Sendable {
        case known(DigestAlgorithm)
        /// One that is not computed here.
        case other
    }

    let algorithm: Algorithm
    /// Lower case.
    let hex: String
    /// Empty where the line has a digest only.
    let path: ChecksumPath

    /// `nil` for a line that is no checksum.
    init?(_ line: String) {
        var text = Substring(line)
        while let last = text.unicodeScalars.last, " \t\r".unicodeScalars.contains(last) {
            text.unicodeScalars.removeLast()
        }
        guard let read = Self.gnu(text) ?? Self.bsd(text) else { return nil }
        self = read
    }

    private init(algorithm: Algorithm, hex: Substring, name: String) {
        self.algorithm = algorithm
        self.hex = hex.lowercased()
        path = ChecksumPath(name: name)
    }

    /// `hex  name`, `hex *name`, or `hex` alone. A backslash in front says that the name has escapes.
    private static func gnu(_ line: Substring) -> ChecksumLine? {
        let isEscaped = line.first == "\\"
        let text = isEscaped ? line.dropFirst() : line
        let hex = text.prefix(while: isHex)
        guard let algorithm = algorithm(digits: hex.utf8.count) else { return nil }
        var name = text[hex.endIndex...]
        guard name.isEmpty || name.first == " " || name.first == "\t" else { return nil }
        name = name.drop { $0 == " " || $0 == "\t" }
        if name.first == "*" { name.removeFirst() }
        return ChecksumLine(algorithm: algorithm, hex: hex, name: isEscaped ? unescaped(name) : String(name))
    }

    /// `SHA256 (name) = hex`, with or without the blanks.
    private static func bsd(_ line: Substring) -> ChecksumLine? {
        guard let open = line.firstIndex(of: "("), let close = line.lastIndex(of: ")"), open < close else { return nil }
        let tail = line[close...].dropFirst().drop { $0 == " " }
        guard tail.first == "=" else { return nil }
        let hex = tail.dropFirst().drop { $0 == " " }
        guard !hex.isEmpty, hex.allSatisfy(isHex) else { return nil }
        let word = line[..<open].filter { $0 != " " && $0 != "-" }.uppercased()
        guard !word.isEmpty, word.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "/_".contains($0)) }) else {
            return nil
        }
        let known: [String: DigestAlgorithm] = [
            "MD5": .md5, "SHA256": .sha256, "SHA2256": .sha256, "SHA512": .sha512, "SHA2512": .sha512,
        ]
        let name = String(line[open..<close].dropFirst())
        guard let algorithm = known[word] else { return ChecksumLine(algorithm: .other, hex: hex, name: name) }
        guard hex.utf8.count == algorithm.hexLength else { return nil }
        return ChecksumLine(algorithm: .known(algorithm), hex: hex, name: name)
    }

    /// GNU lines do not say what they are: the length does.
    private static func algorithm(digits: Int) -> Algorithm? {
        if let known = DigestAlgorithm.allCases.first(where: { $0.hexLength == digits }) { return .known(known) }
        // SHA-1, SHA-224, SHA-384.
        return [40, 56, 96].contains(digits) ? .other : nil
    }

    private static func isHex(_ character: Character) -> Bool { character.isASCII && character.isHexDigit }

    private static func unescaped(_ name: Substring) -> String {
        var text = ""
        var isEscape = false
        for character in name {
            if isEscape {
                text.append(character == "n" ? "\n" : character == "r" ? "\r" : character)
                isEscape = false
            } else if character == "\\" {
                isEscape = true
            } else {
                text.append(character)
            }
        }
        return text
    }
}

/// A path, compared byte by byte and from its end.
struct ChecksumPath: Hashable, Sendable {
    /// Without those that say nothing (`.`).
    let components: [[UInt8]]

    var isEmpty: Bool { components.isEmpty }
    /// The last part, as it can be shown.
    var name: String {
        String(
            String(decoding: components.last ?? [], as: UTF8.self).unicodeScalars.map { scalar in
                scalar.properties.generalCategory == .control ? Character("\u{FFFD}") : Character(scalar)
            }.prefix(200))
    }

    init(name: String) {
        components = name.utf8.split(separator: UInt8(ascii: "/")).map(Array.init).filter { $0 != [UInt8(ascii: ".")] }
    }

    /// The path of a URL, decoded part by part.
    init(url: String) {
        let path = url.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        let parts = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst(3)
        components = parts.filter { !$0.isEmpty }.map { part in
            let text = String(decoding: part, as: UTF8.self)
            // Escapes that are broken stay as they are, and so then does the whole part.
            return Array((text.removingPercentEncoding ?? text).utf8)
        }
    }

    func ends(with other: ChecksumPath) -> Bool {
        components.count >= other.components.count
            && components.suffix(other.components.count).elementsEqual(other.components)
    }
}
