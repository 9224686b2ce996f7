import ImportModel

/// Spans of time, for people.
enum Elapsed {
    static func text(_ duration: Duration) -> String {
        let seconds = max(0, duration.wholeMilliseconds + 999) / 1000
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }
}
