/// The same changes for a log: a line when the state of a row changes, and one for about every tenth of its bytes.
package struct ProgressLog: Sendable {
    private struct Reported: Hashable {
        var stage: TransferRow.Stage
        var phase: String
        var attempt: Int
        var tenth: Int
    }

    /// A line, and whether it tells of a failure.
    package struct Line: Hashable, Sendable {
        package var text: String
        package var isFailure: Bool
    }

    private var reported: [Int: Reported] = [:]

    package init() {}

    package mutating func lines(_ rows: [TransferRow]) -> [Line] {
        var lines: [Line] = []
        let present = Set(rows.map(\.id))
        reported = reported.filter { present.contains($0.key) }
        for row in rows {
            // Before anything happened, and while a request is under way, there is nothing to report.
            if row.stage == .waiting && row.view == nil || row.phase == "looking" || row.phase == "created" { continue }
            let tenth = row.stage == .active ? Int((row.fraction ?? 0) * 10) : 0
            let now = Reported(stage: row.stage, phase: row.phase, attempt: row.attempt, tenth: tenth)
            guard reported[row.id] != now else { continue }
            reported[row.id] = now
            lines.append(Line(text: ProgressLine.plain(row), isFailure: row.stage == .failed))
        }
        return lines
    }
}
