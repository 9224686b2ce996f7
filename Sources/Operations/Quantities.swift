/// How people write durations: a number and a unit, `500ms`, `30s`, `1.5m`, `2h`, `1d`; zero needs no unit.
enum DurationText {
    static func parse(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        guard let (number, unit) = splitUnit(text), let milliseconds = milliseconds(in: unit) else { return nil }
        let product = number * milliseconds
        // A century: beyond that it is a mistake, and milliseconds in Redis stay far from overflow.
        guard product.isFinite, product >= 0, product <= 100 * 366 * 86_400_000 else { return nil }
        return .milliseconds(Int64(product.rounded()))
    }

    private static func milliseconds(in unit: Substring) -> Double? {
        switch unit {
        case "ms": 1
        case "s": 1000
        case "m": 60_000
        case "h": 3_600_000
        case "d": 86_400_000
        default: nil
        }
    }
}

/// How people write sizes: bytes, or a number and a unit, `64KiB`, `1.5GiB`, `1TiB`, `500MB`.
enum SizeText {
    static func parse(_ text: String) -> Int64? {
        if let bytes = Int64(text) { return bytes >= 0 ? bytes : nil }
        guard let (number, unit) = splitUnit(text), let scale = scale(of: unit) else { return nil }
        let product = number * scale
        guard product.isFinite, product >= 0, product <= 0x1p62 else { return nil }
        return Int64(product.rounded())
    }

    private static func scale(of unit: Substring) -> Double? {
        switch unit.lowercased() {
        case "b": 1
        case "kib", "k": 0x1p10
        case "mib", "m": 0x1p20
        case "gib", "g": 0x1p30
        case "tib", "t": 0x1p40
        case "pib", "p": 0x1p50
        case "kb": 1e3
        case "mb": 1e6
        case "gb": 1e9
        case "tb": 1e12
        case "pb": 1e15
        default: nil
        }
    }
}

/// `"1.5 GiB"` → `(1.5, "GiB")`; only plain decimal numbers.
private func splitUnit(_ text: String) -> (Double, Substring)? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let number = Double(digits) else { return nil }
    return (number, text.dropFirst(digits.count).drop { $0 == " " })
}
