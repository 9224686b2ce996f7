import ArgumentParser
import FaultHarness
import Foundation

/// `longshore-faults`: runs real fleets under faults, and counts faults and broken promises.
@main
struct LongshoreFaults: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longshore-faults",
        abstract: "Run real fleets under faults, and say which promises were kept.",
        discussion: "docs/reliability.md tells what the rows are. Exit code 1: a promise was broken.")

    @Option(name: .customLong("row"), help: "Only this row, such as F8; can be repeated.")
    var only: [String] = []

    @Option(help: "How many times as many faults as the tests do.")
    var scale = 1

    @Option(help: "Where every choice comes from. The same seed takes the same choices again; by default a new one.")
    var seed: UInt64?

    @Option(help: "Do every row so many times, with the seeds that follow.")
    var runs = 1

    @Option(help: "The longshore binary; by default the one beside this program.")
    var binary = Program.longshore

    @Flag(help: "Print a line of JSON for each run instead of a table.")
    var json = false

    func validate() throws {
        guard scale > 0, runs > 0 else { throw ValidationError("--scale and --runs begin at 1.") }
        guard FileManager.default.isExecutableFile(atPath: binary) else {
            throw ValidationError("there is no program at \(binary); 'make build' builds it, or name it with --binary.")
        }
        let unknown = only.filter { id in !FaultMatrix.rows.contains { $0.id == id } }
        guard unknown.isEmpty else {
            let known = FaultMatrix.rows.map(\.id).joined(separator: ", ")
            throw ValidationError("there is no row \(unknown.joined(separator: ", ")); the rows are \(known).")
        }
    }

    func run() async throws {
        let first = seed ?? UInt64.random(in: 1...999_999)
        var reports: [FaultReport] = []
        for row in FaultMatrix.rows where only.isEmpty || only.contains(row.id) {
            for seed in first..<(first + UInt64(runs)) {
                Self.tell("\(row) (seed \(seed), scale \(scale))")
                let report = try await row.run(seed: seed, scale: scale, program: binary, progress: Self.tell)
                reports.append(report)
                if json { print(try Self.line(report)) }
            }
        }
        if !json { print(FaultTable(reports).text) }
        if reports.contains(where: { !$0.violations.isEmpty }) { throw ExitCode.failure }
    }

    private static func line(_ report: FaultReport) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(report), as: UTF8.self)
    }

    /// Progress goes to standard error, so that the report can be kept.
    private static func tell(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
