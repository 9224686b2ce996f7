import Synchronization

/// Everything that is on its way, shared by those who learn of changes and the one who draws them.
package final class ProgressBoard: Sendable {
    private struct State {
        var rows: [TransferRow] = []
        var nextID = 0
        /// Words for the user that are not a row's, not yet shown.
        var notices: [String] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Adds a row at the end and gives its id; ids count from 0.
    @discardableResult
    package func add(label: String) -> Int {
        state.withLock { state in
            defer { state.nextID += 1 }
            state.rows.append(TransferRow(id: state.nextID, label: label))
            return state.nextID
        }
    }

    /// Changes a row; one that has been removed meanwhile stays removed.
    package func update(_ id: Int, _ body: (inout TransferRow) -> Void) {
        state.withLock { state in
            guard let index = state.rows.firstIndex(where: { $0.id == id }) else { return }
            body(&state.rows[index])
        }
    }

    /// Forgets the rows with these ids.
    package func remove(_ ids: Set<Int>) { state.withLock { $0.rows.removeAll { ids.contains($0.id) } } }

    package var rows: [TransferRow] { state.withLock { $0.rows } }

    package func notify(_ text: String) { state.withLock { $0.notices.append(SafeText.line(text)) } }

    package func takeNotices() -> [String] {
        state.withLock { state in
            defer { state.notices = [] }
            return state.notices
        }
    }
}

/// The rows that do not fit on a screen and the sum of all, in one line.
package struct ProgressSummary {
    private var waiting = 0
    private var active = 0
    private var succeeded = 0
    private var failed = 0
    private var accepted = 0
    private var speed = 0.0

    package init(_ rows: [TransferRow]) {
        for row in rows {
            switch row.stage {
            case .waiting: waiting += 1
            case .active:
                active += 1
                speed += row.rate.bytesPerSecond ?? 0
            case .succeeded: succeeded += 1
            case .failed: failed += 1
            case .handedOver: accepted += 1
            }
        }
    }

    package var line: String {
        let counts = [
            (active, "running"), (waiting, "waiting"), (accepted, "accepted"), (succeeded, "done"), (failed, "failed"),
        ]
        var facts = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        if speed >= 1 { facts.append(HumanUnits.bytes(Int64(speed)) + "/s") }
        return facts.isEmpty ? "nothing to do" : facts.joined(separator: ", ")
    }
}
