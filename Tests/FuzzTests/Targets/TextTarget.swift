import ImportModel
@testable import LongshoreClient
@testable import Operations
@testable import RedisClient
@testable import WebSource

/// Text of strangers on its way to a log or a terminal, and the operator's own values.
enum TextTarget {
    static func check(_ input: [UInt8]) throws(Violation) {
        let text = String(decoding: input, as: UTF8.self)
        try logged(text)
        let line = SafeText.line(text)
        try require(isVisible(line), "\(line.debugDescription) steers the terminal")
        try require(SafeText.line(line) == line, "cleaned again it changes")
        for width in [0, 1, 7] {
            let cut = SafeText.truncate(line, to: width)
            try require(SafeText.width(cut) <= width, "'\(cut)' is wider than \(width)")
            let fitted = SafeText.fit(line, to: width)
            try require(SafeText.width(fitted) == width || width == 0, "'\(fitted)' is not \(width) wide")
        }
        try require(isVisible(SafeText.url(text)), "a URL steers the terminal")
        try settings(text)
    }

    /// Neither credentials nor what follows the path is shown, and nothing begins a line of its own.
    private static func logged(_ text: String) throws(Violation) {
        let shown = redact(text)
        let hasControl = shown.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f }
        try require(!hasControl, "\(shown.debugDescription) has control characters")
        try hides(shown, "redact")
        let plain = SafeText.url(text)
        if plain.contains("://") { try hides(plain, "SafeText.url") }
    }

    private static func hides(_ shown: String, _ what: String) throws(Violation) {
        let scalars = Array(shown.unicodeScalars)
        try require(!scalars.contains("?") && !scalars.contains("#"), "\(what) shows a query: \(shown)")
        guard let start = scalars.firstRange(of: Array("://".unicodeScalars))?.upperBound else { return }
        let authority = scalars[start...].prefix { $0 != "/" }
        try require(!authority.contains("@"), "\(what) shows credentials: \(shown)")
    }

    private static func settings(_ text: String) throws(Violation) {
        _ = try? RedisConfiguration(url: text)
        if let digest = try? ExpectedDigest(parsing: text) {
            let again = try expect("a digest cannot be read again") {
                try ExpectedDigest(parsing: digest.description)
            }
            try require(again == digest, "a digest that was written is another one")
        }
    }

    static func isVisible(_ line: String) -> Bool {
        !line.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
    }
}
