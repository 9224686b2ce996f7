/// Who a certificate is of and by whom, read from its DER (RFC 5280, section 4.1). Only to be shown.
struct DistinguishedNames: Hashable, Sendable {
    let issuer: String
    let subject: String

    /// `nil` for what is no certificate.
    init?(certificate der: [UInt8]) {
        var whole = DERReader(der[...])
        guard var outer = whole.next(0x30), var fields = outer.next(0x30) else { return nil }
        // Version and serial number, the algorithm, the issuer, the validity, the subject.
        _ = fields.next(0xa0)
        guard fields.next(0x02) != nil, fields.next(0x30) != nil, let issuer = fields.next(0x30),
            fields.next(0x30) != nil, let subject = fields.next(0x30)
        else { return nil }
        self.issuer = Self.text(issuer)
        self.subject = Self.text(subject)
    }

    /// The most particular part first, as people read it (RFC 4514).
    private static func text(_ name: DERReader) -> String {
        var name = name
        var parts: [String] = []
        while var set = name.next(0x31) {
            while var pair = set.next(0x30) {
                guard let type = pair.next(0x06), let value = pair.next() else { continue }
                guard let label = labels[Array(type.bytes)] else { continue }
                parts.append("\(label)=\(escaped(decoded(value.contents, tag: value.tag)))")
            }
        }
        return parts.reversed().joined(separator: ",")
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>, tag: UInt8) -> String {
        switch tag {
        // BMPString; the others are UTF-8, or ASCII as a part of it.
        case 0x1e:
            let units = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2)
                .map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
            return String(decoding: units, as: UTF16.self)
        default: return String(decoding: bytes, as: UTF8.self)
        }
    }

    private static func escaped(_ text: String) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if ",+\"\\<>;=".unicodeScalars.contains(scalar) { shown.append("\\") }
            shown.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        return String(shown)
    }

    /// By the object identifiers of X.520; others are left out.
    private static let labels: [[UInt8]: String] = [
        [0x55, 0x04, 0x03]: "CN", [0x55, 0x04, 0x06]: "C", [0x55, 0x04, 0x07]: "L", [0x55, 0x04, 0x08]: "ST",
        [0x55, 0x04, 0x0a]: "O", [0x55, 0x04, 0x0b]: "OU",
    ]
}

/// Elements of DER, one after the other.
private struct DERReader {
    var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The contents of the next element if it has this tag; else nothing is read.
    mutating func next(_ tag: UInt8) -> DERReader? {
        guard bytes.first == tag else { return nil }
        return next().map { DERReader($0.contents) }
    }

    mutating func next() -> (tag: UInt8, contents: ArraySlice<UInt8>)? {
        var rest = bytes
        guard let tag = rest.popFirst(), let first = rest.popFirst() else { return nil }
        var length = Int(first)
        if first >= 0x80 {
            let count = Int(first & 0x7f)
            guard (1...3).contains(count), rest.count >= count else { return nil }
            length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(count)
        }
        guard rest.count >= length else { return nil }
        bytes = rest.dropFirst(length)
        return (tag, rest.prefix(length))
    }
}
