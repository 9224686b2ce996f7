import FaultHarness
import Foundation

/// The reports of all runs for people: a line for each row, then what was broken.
struct FaultTable {
    private let reports: [FaultReport]

    init(_ reports: [FaultReport]) { self.reports = reports }

    var text: String {
        var lines = [Self.line(["row", "runs", "images", "faults", "recovery p99", "bound", "broken", "seconds"])]
        for row in Set(reports.map(\.row)).sorted(by: { $0.compare($1, options: .numeric) == .orderedAscending }) {
            lines.append(Self.line(cells(reports.filter { $0.row == row }, row)))
        }
        lines.append(Self.line(cells(reports, "all")))
        for report in reports {
            for figure in report.figures {
                lines.append("\(report.row), seed \(report.seed): \(figure.name) \(figure.value) \(figure.unit)")
            }
            for violation in report.violations { lines.append("\(report.row), seed \(report.seed): \(violation)") }
        }
        return lines.joined(separator: "\n")
    }

    private func cells(_ runs: [FaultReport], _ name: String) -> [String] {
        let faults = runs.reduce(into: [:]) { all, run in all.merge(run.faults, uniquingKeysWith: +) }
        let counts = faults.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let recoveries = runs.compactMap(\.recovery)
        // Of several runs the worst is shown: their times cannot be put together from their summaries.
        let worst = recoveries.map(\.p99).max()
        let bound = recoveries.map(\.bound).max()
        return [
            name, String(runs.count), String(runs.reduce(0) { $0 + $1.images }), counts,
            worst.map { String(format: "%.2f s", $0) } ?? "-", bound.map { String(format: "%.2f s", $0) } ?? "-",
            String(runs.reduce(0) { $0 + $1.violations.count }),
            String(format: "%.0f", runs.reduce(0) { $0 + $1.seconds }),
        ]
    }

    private static func line(_ cells: [String]) -> String {
        zip(cells, [4, 5, 7, 44, 13, 9, 7, 8]).map {
            $0.padding(toLength: max($1, $0.count), withPad: " ", startingAt: 0)
        }
        .joined(separator: " ")
    }
}
