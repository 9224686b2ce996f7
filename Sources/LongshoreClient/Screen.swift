/// The part of a terminal that is drawn anew while rows change: what ends scrolls up and stays, the rest is redrawn.
///
/// A value: it is told what there is and gives the bytes to write.
package struct Screen: Sendable {
    /// Lines of the last drawing, over which the next one goes.
    private var drawn = 0
    /// Rows that have ended and been written for good.
    private var left: Set<Int> = []
    private let paint: Paint

    package init(paint: Paint) { self.paint = paint }

    /// The bytes that bring the terminal up to date with `rows`.
    ///
    /// - Parameter idle: what to show while there is no row.
    package mutating func draw(
        _ rows: [TransferRow], notices: [String], width: Int, height: Int, idle: String? = nil
    ) -> String {
        var text = erase()
        for notice in notices { text += paint(notice, .busy) + "\n" }
        left.formIntersection(rows.map(\.id))
        for row in rows where row.isEnded && left.insert(row.id).inserted {
            text += ProgressLine.ended(row, paint: paint) + "\n"
        }
        // One column stays free: some terminals go on to the next line right after the last one.
        let lines = frame(rows, width: max(1, width - 1), height: max(2, height - 1), idle: idle)
        for line in lines { text += line + "\n" }
        drawn = lines.count
        return text
    }

    /// The bytes that take the moving part away; what has ended stays.
    package mutating func erase() -> String {
        defer { drawn = 0 }
        return drawn == 0 ? "" : "\u{1B}[\(drawn)A\r\u{1B}[J"
    }

    /// The lines of what has not ended: running ones first, and a summary when there is more than one.
    private func frame(_ rows: [TransferRow], width: Int, height: Int, idle: String?) -> [String] {
        let open = rows.filter { !$0.isEnded }
        let ordered = open.filter { $0.stage == .active } + open.filter { $0.stage != .active }
        guard !ordered.isEmpty else { return idle.map { [paint(SafeText.truncate($0, to: width), .faint)] } ?? [] }
        let needsSummary = rows.count > 1
        let shown = ordered.prefix(height - (needsSummary ? 1 : 0))
        let nameWidth = shown.map { SafeText.width($0.label) }.max() ?? 0
        var lines = shown.map { ProgressLine.live($0, nameWidth: nameWidth, width: width, paint: paint) }
        if needsSummary {
            let hidden = ordered.count - shown.count
            let text = ProgressSummary(rows).line + (hidden > 0 ? " (\(hidden) not shown)" : "")
            lines.append(paint(SafeText.truncate(text, to: width), .faint))
        }
        return lines
    }
}
