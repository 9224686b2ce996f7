import ProtocolModel

/// One line of a table of configurations: the columns of the tables in `docs/model/README.md`, and the time.
struct Row: CustomStringConvertible {
    static let header = line(
        ["configuration", "tasks", "workers", "claims", "states", "steps", "depth", "time"], "what")
    /// Of what comes in the end, where only the steps of progress are counted.
    static let headerOfProgress = line(
        ["configuration", "tasks", "workers", "claims", "states", "steps of progress", "time"], "what")

    let description: String

    init(_ configuration: Configuration, _ report: Explorer.Report, _ took: Duration) {
        let start = [configuration.name, "\(configuration.tasks.count)", "\(configuration.workers)"]
        let counts = [Self.grouped(report.states), Self.grouped(report.edges)]
        let cells =
            configuration.reserve > 0
            ? start + ["\(configuration.nonces), \(configuration.reserve) kept back"] + counts + [seconds(took)]
            : start + ["\(configuration.nonces)"] + counts + ["\(report.depth)", seconds(took)]
        description = Self.line(cells, (report.violations.isEmpty ? "" : "BROKEN: ") + configuration.concern)
    }

    private static func line(_ cells: [String], _ last: String) -> String {
        let widths = cells.count == 7 ? [17, 5, 7, 14, 11, 17, 8] : [17, 5, 7, 6, 11, 12, 5, 8]
        let padded = zip(cells, widths).enumerated().map { column, cell in
            let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return column == 0 ? cell.0 + space : space + cell.0
        }
        return (padded + [last]).joined(separator: "  ")
    }

    /// 1234567 as 1,234,567.
    private static func grouped(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text = "," + text }
            text = String(digit) + text
        }
        return text
    }
}
