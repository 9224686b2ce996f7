@testable import WebSource

/// Ways to write an address that some program or other takes for it.
enum AddressSpelling {
    /// A host, in brackets where it needs them.
    static func spell(_ bytes: [UInt8], _ deck: inout ByteDeck) -> String {
        bytes.count == 4 ? spell4(bytes, &deck) : "[\(spell6(bytes, &deck))]"
    }

    /// The address in a URL, with what confuses parsers around it.
    static func url(_ host: String, _ deck: inout ByteDeck) -> String {
        let scheme = deck.pick(["http", "https", "HTTP"])
        let user = deck.pick(["", "", "user@", "public.example@", "public.example:80@", "a%40b@", ":@"])
        let port = deck.pick(["", "", ":80", ":8080", ":"])
        let tail = deck.pick([
            "/", "", "?@public.example/", "#@public.example/", "/@public.example", "/..//public.example",
            "\\@public.example", "?x", "/%2e%2e/",
        ])
        return "\(scheme)://\(user)\(host)\(port)\(tail)"
    }

    private static func spell4(_ bytes: [UInt8], _ deck: inout ByteDeck) -> String {
        let dotted = bytes.map(String.init).joined(separator: ".")
        let number = bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let hex = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
        let all = hex.joined()
        let mapped = "\(hex[0])\(hex[1]):\(hex[2])\(hex[3])"
        switch deck.choice(below: 20) {
        case 0: return dotted
        case 1: return dotted + "."
        case 2: return String(number)
        case 3: return "0x" + all
        case 4: return "0X" + all.uppercased()
        case 5: return "0" + String(number, radix: 8)
        case 6:
            // Each part in a base of its own, and the last ones together.
            let parts = 1 + deck.choice(below: 4)
            let last = bytes[(parts - 1)...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let numbers = bytes.prefix(parts - 1).map { UInt32($0) } + [last]
            return numbers.map { number in
                [String(number), "0" + String(number, radix: 8), "0x" + String(number, radix: 16)][
                    deck.choice(below: 3)]
            }.joined(separator: ".")
        case 7: return bytes.map { "00\($0)" }.joined(separator: ".")
        case 8: return "[::ffff:\(dotted)]"
        case 9: return "[::FFFF:\(mapped)]"
        case 10: return "[0:0:0:0:0:ffff:\(mapped)]"
        case 11: return "[::\(dotted)]"
        case 12: return "[64:ff9b::\(dotted)]"
        case 13: return "[2002:\(mapped)::1]"
        case 14: return "[2001:0:\(mapped)::1]"
        case 15: return "[::ffff:\(dotted)%25lo]"
        case 16: return dotted.unicodeScalars.map { wide($0) }.joined()
        case 17: return dotted.replacing(".", with: "\u{3002}")
        case 18: return dotted.utf8.map { "%" + String($0, radix: 16) }.joined()
        default: return "[::ffff:0:\(dotted)]"
        }
    }

    private static func spell6(_ bytes: [UInt8], _ deck: inout ByteDeck) -> String {
        let plain = IPAddress(bytes: bytes).description
        let words = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        switch deck.choice(below: 6) {
        case 0: return plain
        case 1: return plain.uppercased()
        case 2: return words.map { String($0, radix: 16) }.joined(separator: ":")
        case 3:
            return words.prefix(6).map { String($0, radix: 16) }.joined(separator: ":") + ":"
                + bytes.suffix(4).map(String.init).joined(separator: ".")
        case 4: return plain + "%25eth0"
        default: return plain + "%lo"
        }
    }

    /// The digit or dot in full width, as some resolvers map back.
    private static func wide(_ scalar: Unicode.Scalar) -> String {
        Unicode.Scalar(scalar.value + 0xFEE0).map { String($0) } ?? ""
    }
}
