import Foundation

/// Sizes and times as people read them.
package enum HumanUnits {
    /// `512 B`, `4.0 KiB`, `1.5 GiB`.
    package static func bytes(_ count: Int64) -> String {
        guard count >= 1024 else { return "\(max(0, count)) B" }
        var value = Double(count) / 1024
        var unit = 0
        let names = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        // From 1023.95 on, one decimal would round to 1024.0 of the smaller unit.
        while value >= 1023.95, unit < names.count - 1 {
            value /= 1024
            unit += 1
        }
        return String(format: "%.1f ", value) + names[unit]
    }

    /// `0s`, `42s`, `3m 12s`, `2h 05m`, `3d 4h`; what is negative counts as nothing.
    package static func duration(seconds: Double) -> String {
        // Also catches what is no number, and keeps the conversion below from trapping.
        guard seconds > 0, seconds < 1e12 else { return seconds >= 1e12 ? "ages" : "0s" }
        let total = Int(seconds)
        return switch total {
        case ..<60: "\(total)s"
        case ..<3600: "\(total / 60)m \(pad(total % 60))s"
        case ..<86_400: "\(total / 3600)h \(pad(total % 3600 / 60))m"
        default: "\(total / 86_400)d \(total % 86_400 / 3600)h"
        }
    }

    package static func duration(milliseconds: Int64) -> String { duration(seconds: Double(milliseconds) / 1000) }

    /// How long ago a time of the service was; the two clocks may differ a little, so the future counts as now.
    package static func age(sinceMs: Int64, nowMs: Int64) -> String {
        duration(seconds: (Double(nowMs) - Double(sinceMs)) / 1000)
    }

    /// A time of the service as `2026-03-01 12:30:05Z`.
    package static func time(ms: Int64) -> String {
        let date = Date(timeIntervalSince1970: Double(ms) / 1000)
        return date.formatted(.iso8601.dateTimeSeparator(.space))
    }

    /// Milliseconds since 1970 by this machine's clock.
    package static func nowMs() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }

    private static func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
