import ImportModel

/// Judges the history of one image: whether everything that clients saw could have been seen if all operations had
/// happened one after the other, each at some moment between its beginning and its end.
///
/// First what can be said without a search: each acknowledged import and copy has its task, no two imports were published, an
/// active image has one content. Then the search (`HistorySearch`).
package struct HistoryCheck: Sendable {
    package enum Verdict: Hashable, Sendable {
        case right
        case wrong(Promise, String)
        /// Too much happened at once for the search's bound; neither right nor wrong.
        case undecided
    }

    /// States that the search looks at before it gives up.
    package var limit = 200_000

    package init() {}

    /// - Parameters:
    ///   - operations: on one image.
    ///   - facts: all tasks of the image, when all was over; `nil`: they are not known.
    package func verdict(_ operations: [HistoryOperation], facts: [TaskFact]? = nil) -> Verdict {
        if let facts, let wrong = contradiction(operations, facts) { return wrong }
        if let wrong = changedContent(operations) { return wrong }
        var search = HistorySearch(operations, facts: facts)
        return search.verdict(limit: limit)
    }

    private func contradiction(_ operations: [HistoryOperation], _ facts: [TaskFact]) -> Verdict? {
        var asked: Set<String> = []
        for operation in operations {
            guard let request = operation.action.request else { continue }
            asked.insert(request)
            guard case .accepted(let task) = operation.outcome else { continue }
            guard let fact = facts.first(where: { $0.task == task }) else {
                return .wrong(.acknowledged, "task \(task) is not known to the fleet: \(operation)")
            }
            guard fact.request == request else {
                return .wrong(.acknowledged, "task \(task) is of the request \(fact.request): \(operation)")
            }
        }
        for (index, fact) in facts.enumerated() {
            guard asked.contains(fact.request) else {
                return .wrong(.linearizable, "nobody asked for task \(fact.task) (request \(fact.request))")
            }
            if facts[..<index].contains(where: { $0.request == fact.request }) {
                return .wrong(.linearizable, "the request \(fact.request) made more than one task")
            }
            if facts[..<index].contains(where: { $0.task == fact.task }) {
                return .wrong(.linearizable, "task \(fact.task) is told of twice")
            }
        }
        let published = facts.filter { $0.result == .success && !$0.isCopy }
        guard published.count <= 1 else {
            return .wrong(.publishedOnce, "tasks \(published.map(\.task.rawValue)) were all published")
        }
        return nil
    }

    private func changedContent(_ operations: [HistoryOperation]) -> Verdict? {
        var first: (operation: HistoryOperation, shown: HistoryOperation.Shown)?
        for operation in operations {
            guard case .shown(let shown) = operation.outcome, shown.status == .active else { continue }
            // Stores may be added by a copy.
            if let first, (first.shown.size, first.shown.digest) != (shown.size, shown.digest) {
                return .wrong(.content, "an active image changed: \(first.operation), then \(operation)")
            }
            first = first ?? (operation, shown)
        }
        return nil
    }
}
