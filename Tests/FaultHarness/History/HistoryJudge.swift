import Foundation
package import ImportModel
import Synchronization
import TestSupport

/// Judges images at the end of their lives: what clients saw, what the fleet says of their tasks, and the order in
/// which it says that it all happened. What is wrong goes to the run, with a file that holds everything that was known.
package final class HistoryJudge: Sendable {
    /// One line of a file that tells of a violation.
    private enum Line: Codable {
        case run(row: String, seed: UInt64, scale: Int, image: ImageID)
        case violation(FaultReport.Violation)
        case operation(HistoryOperation)
        case task(TaskFact)
        case event(FleetEvent)
        case note(History.Note)
    }

    private struct State {
        var judged = 0
        var undecided = 0
        var files = 0
    }

    private static let keptFiles = 20
    /// Of so many images one may be left undecided.
    private static let decided = 200

    private let run: FaultRun
    private let history: History
    private let trace: EventTrace?
    private let state = Mutex(State())

    /// - Parameter trace: `nil`: what the fleet says of the order is not looked at, because it may have been forgotten.
    package init(_ run: FaultRun, _ history: History, _ trace: EventTrace?) {
        self.run = run
        self.history = history
        self.trace = trace
    }

    /// Images whose histories were too concurrent to be judged within the bound.
    package var undecided: Int { state.withLock { $0.undecided } }
    package var judged: Int { state.withLock { $0.judged } }

    /// Judges an image that no client uses any more, and forgets its history. Returns whether all was well.
    ///
    /// - Parameters:
    ///   - facts: all tasks of the image.
    @discardableResult
    package func judge(_ image: ImageID, facts: [TaskFact]) -> Bool {
        let operations = history.take(image)
        let events = trace?.take(image) ?? []
        var violations: [FaultReport.Violation] = []
        let verdict = HistoryCheck().verdict(operations, facts: facts)
        switch verdict {
        // Counted: `conclude` judges how many there are.
        case .right, .undecided: break
        case .wrong(let promise, let what): violations.append(.init(promise: promise, what: what))
        }
        if trace != nil { violations += HistoryEvents().problems(events, facts: facts) }
        for fact in facts where !fact.state.isTerminal {
            violations.append(.init(promise: .ends, what: "task \(fact.task) is \(fact.state)"))
        }
        state.withLock { state in
            state.judged += 1
            if verdict == .undecided { state.undecided += 1 }
        }
        guard !violations.isEmpty else { return true }
        let lines =
            [.run(row: run.row, seed: run.seed, scale: run.scale, image: image)] + violations.map(Line.violation)
            + operations.map(Line.operation) + facts.map(Line.task) + events.map(Line.event)
            + notes(around: operations).map(Line.note)
        let place = keep(lines, image)
        for violation in violations { run.violated(violation.promise, "image \(image): \(violation.what)\(place)") }
        return false
    }

    /// What belongs to the whole history: answers that nobody should get, and whether all could be judged.
    package func conclude() {
        for answer in history.unfitAnswers { run.violated(.answers, "\(answer)") }
        if history.missed > 0 {
            run.violated(.carriedThrough, "the history had no room for \(history.missed) operations")
        }
        if undecided * Self.decided > judged {
            run.violated(
                .carriedThrough,
                "the histories of \(undecided) of \(judged) images could not be decided; "
                    + "at most one in \(Self.decided) may be left so")
        }
        run.figure("operations in the history", Double(history.count), "operations")
        run.figure("images judged", Double(judged), "images")
        run.figure("images not decided", Double(undecided), "images")
    }

    private func notes(around operations: [HistoryOperation]) -> [History.Note] {
        guard let first = operations.first?.began else { return [] }
        // What was done a little earlier may have its effect only now.
        return history.notes(max(0, first - 5_000_000_000)...max(first, history.now))
    }

    private func keep(_ lines: [Line], _ image: ImageID) -> String {
        let isKept = state.withLock { state in
            state.files += 1
            return state.files <= Self.keptFiles
        }
        guard isKept else { return "" }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("longshore-faults")
        let file = folder.appendingPathComponent("\(run.row)-\(run.seed)-\(image).jsonl")
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let text = try lines.map { String(decoding: try encoder.encode($0), as: UTF8.self) + "\n" }.joined()
            try Data(text.utf8).write(to: file)
        } catch {
            return " (its history could not be written: \(error))"
        }
        return " (its history: \(file.path))"
    }
}
