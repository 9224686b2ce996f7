import ProtocolModel

/// One line of the table of configurations.
struct Row: CustomStringConvertible {
    static let header =
        pad("configuration", 18) + pad("tasks", 6) + pad("workers", 8) + pad("images", 7) + pad("stores", 7)
        + pad("nonces", 7) + right("states", 11) + right("edges", 12) + right("depth", 6) + right("time", 9)

    let description: String

    init(_ configuration: Configuration, _ report: Explorer.Report, _ took: Duration) {
        description =
            Self.pad(configuration.name, 18) + Self.pad("\(configuration.tasks.count)", 6)
            + Self.pad("\(configuration.workers)", 8) + Self.pad("\(configuration.images)", 7)
            + Self.pad("\(configuration.stores)", 7) + Self.pad("\(configuration.nonces)", 7)
            + Self.right("\(report.states)", 11) + Self.right("\(report.edges)", 12)
            + Self.right("\(report.depth)", 6) + Self.right(seconds(took), 9)
            + (report.violations.isEmpty ? "" : "  BROKEN")
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(1, width - text.count)) + text
    }
}
