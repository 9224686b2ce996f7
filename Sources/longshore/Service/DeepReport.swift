import Foundation
import ImportModel
import LeaseStore
import LongshoreClient

/// What `longshore doctor --deep` saw, invariant by invariant.
struct DeepReport: Encodable, Sendable {
    struct Line: Encodable, Sendable {
        var invariant: Invariant
        var statement: String
        /// Tasks, images or objects, as `unit` says.
        var lookedAt: Int
        var unit: AuditSubject
        var found: Int
        var repaired: Int
        /// Since the catalog began, by this look and by the fleet's own.
        var foundEver: Int64
        /// The first of what was found, in words.
        var faults: [String]
    }

    private static let textsOfOne = 20

    var invariants: [Line]
    /// What could not be looked at, and why.
    var problems: [String]

    init(_ report: AuditReport, problems: [String], counters: [String: Int64]) {
        invariants = Invariant.allCases.map { invariant in
            let faults = report.faults.filter { $0.invariant == invariant }
            return Line(
                invariant: invariant, statement: invariant.statement, lookedAt: report.looked[invariant.subject] ?? 0,
                unit: invariant.subject, found: faults.count, repaired: invariant.isRepaired ? faults.count : 0,
                foundEver: counters["faults:\(invariant.rawValue)"] ?? 0,
                faults: faults.prefix(Self.textsOfOne).map(\.text))
        }
        self.problems = problems
    }

    /// 1 when an invariant was broken, repaired or not, or could not be looked at; else 0.
    var exitCode: Int32 { found > 0 || !problems.isEmpty ? 1 : 0 }

    private var found: Int { invariants.reduce(0) { $0 + $1.found } }
    private var remaining: Int { invariants.reduce(0) { $0 + $1.found - $1.repaired } }

    /// For people: a table, and under it what was found.
    func lines(_ paint: Paint) -> [String] {
        var table = TextTable(
            ["", "INVARIANT", "LOOKED AT", "FOUND", "REPAIRED", "EVER"], rightAligned: [2, 3, 4, 5])
        for line in invariants {
            table.add([
                .init(line.invariant.rawValue, line.found == 0 ? .good : .bad), .init(line.statement),
                .init("\(line.lookedAt) \(line.unit.rawValue)"),
                .init("\(line.found)", line.found == 0 ? .plain : .bad),
                .init("\(line.repaired)"), .init("\(line.foundEver)"),
            ])
        }
        var lines = table.lines(paint) + [""]
        for line in invariants where line.found > 0 {
            lines += line.faults.map { "\(line.invariant.rawValue)  \(SafeText.line($0))" }
            if line.found > line.faults.count {
                lines.append("\(line.invariant.rawValue)  … and \(line.found - line.faults.count) more")
            }
        }
        lines += problems.map { "not looked at: \(SafeText.line($0))" }
        return lines + [summary]
    }

    private var summary: String {
        switch (found, remaining) {
        case (0, _) where problems.isEmpty: "Every invariant holds."
        case (0, _): "Nothing was found, and not everything could be looked at."
        case (_, 0): "\(found) found, and repaired. This should never happen: please report it with the log."
        default:
            "\(found) found, \(remaining) not repaired: bring the objects back from a copy, or import the images anew."
        }
    }
}
