import Foundation

/// Times as the Image API writes and reads them.
package enum APITime {
    /// `2026-01-01T00:00:00Z`
    package static func text(_ milliseconds: Int64) -> String {
        date(milliseconds).formatted(.iso8601)
    }

    /// `2026-01-01T00:00:00.123000`: as rows of tasks have it, with microseconds and without a zone.
    package static func rowText(_ milliseconds: Int64) -> String {
        let milliseconds = admitted(milliseconds)
        let fraction = milliseconds % 1000
        let digits = String(fraction)
        return text(milliseconds - fraction).dropLast() + "." + String(repeating: "0", count: 3 - digits.count) + digits
            + "000"
    }

    /// Milliseconds since 1970, or `nil` for what is no time in ISO 8601; without a zone it is taken as UTC.
    package static func parse(_ text: String) -> Int64? {
        guard (10...40).contains(text.utf8.count) else { return nil }
        var candidate = text
        if candidate.utf8.count == 10 { candidate += "T00:00:00" }
        let time = candidate.dropFirst(10)
        if !time.hasSuffix("Z"), !time.contains("+"), !time.contains("-") { candidate += "Z" }
        let styles: [Date.ISO8601FormatStyle] = [.iso8601, .init(includingFractionalSeconds: true)]
        for style in styles {
            // A style that does not fit throws; the next one may.
            guard let date = try? Date(candidate, strategy: style) else { continue }
            let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
            return Int64(exactly: milliseconds)
        }
        return nil
    }

    private static func date(_ milliseconds: Int64) -> Date {
        Date(timeIntervalSince1970: Double(admitted(milliseconds)) / 1000)
    }

    /// Times far out of any calendar, which only a broken record can hold, are cut to the years 1970 to 9999.
    private static func admitted(_ milliseconds: Int64) -> Int64 { min(max(milliseconds, 0), 253_402_300_799_999) }
}
