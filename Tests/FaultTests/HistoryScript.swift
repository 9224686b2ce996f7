import FaultHarness
import ImportModel

/// A history of one image, written by hand. Times are steps; each operation lies at its own unless it says otherwise.
struct HistoryScript {
    let image = ImageID.random()
    private(set) var operations: [HistoryOperation] = []
    private(set) var facts: [TaskFact] = []
    private var step: Int64 = 0

    static let digest = String(repeating: "a", count: 128)
    static let size: Int64 = 1024

    /// - Parameter lasting: how many of the following steps it overlaps.
    mutating func add(
        _ action: HistoryOperation.Action, _ outcome: HistoryOperation.Outcome, lasting: Int64 = 0
    ) {
        step += 1
        let began = step * 1_000_000
        operations.append(
            HistoryOperation(
                number: operations.count + 1, client: "c", image: image, action: action, began: began,
                ended: began + lasting * 1_000_000 + 500_000, outcome: outcome))
    }

    mutating func create(_ outcome: HistoryOperation.Outcome = .done) { add(.create, outcome) }

    /// An acknowledged import.
    mutating func imports(lasting: Int64 = 0) -> TaskID {
        let task = TaskID.random()
        add(.import(request: "r-\(task)", size: Self.size, stores: ["main"]), .accepted(task), lasting: lasting)
        return task
    }

    /// An import whose answer was lost; the task that it made, if it did.
    mutating func importsUnheard() -> TaskID {
        let task = TaskID.random()
        add(.import(request: "r-\(task)", size: Self.size, stores: ["main"]), .unknown("lost"))
        return task
    }

    /// An acknowledged copy.
    mutating func copies(_ order: HistoryOperation.CopyOrder, lasting: Int64 = 0) -> TaskID {
        let task = TaskID.random()
        add(.copy(request: "r-\(task)", order), .accepted(task), lasting: lasting)
        return task
    }

    /// A copy whose answer was lost; the task that it made, if it did.
    mutating func copiesUnheard(_ order: HistoryOperation.CopyOrder) -> TaskID {
        let task = TaskID.random()
        add(.copy(request: "r-\(task)", order), .unknown("lost"))
        return task
    }

    mutating func copyRefused(_ order: HistoryOperation.CopyOrder, _ status: Int = 409) {
        add(.copy(request: "refused", order), .refused(status))
    }

    /// A copy that finds nothing to do.
    mutating func copySpared(_ order: HistoryOperation.CopyOrder) { add(.copy(request: "spared", order), .done) }

    mutating func importRefused(_ status: Int = 409) {
        add(.import(request: "refused", size: Self.size, stores: ["main"]), .refused(status))
    }

    mutating func cancel(_ task: TaskID, _ outcome: HistoryOperation.Outcome = .done, lasting: Int64 = 0) {
        add(.cancel(task), outcome, lasting: lasting)
    }

    mutating func delete(_ outcome: HistoryOperation.Outcome = .done, lasting: Int64 = 0) {
        add(.delete, outcome, lasting: lasting)
    }

    mutating func show(_ status: ImageStatus, in stores: Set<String> = ["main"], lasting: Int64 = 0) {
        let isActive = status == .active
        let shown = HistoryOperation.Shown(
            status, size: isActive ? Self.size : nil, digest: isActive ? Self.digest : nil,
            stores: isActive ? stores : [])
        add(.show, .shown(shown), lasting: lasting)
    }

    mutating func show(_ shown: HistoryOperation.Shown) { add(.show, .shown(shown)) }
    mutating func showsNothing() { add(.show, .refused(404)) }

    mutating func look(_ task: TaskID, _ state: TaskState, _ result: TaskResult? = nil) {
        add(.look(task), .seen(state, result))
    }

    /// How a task ended, by the fleet's own word.
    mutating func ended(_ task: TaskID, _ result: TaskResult, request: String? = nil) {
        let isCopy = operations.contains { operation in
            if case .copy("r-\(task)", _) = operation.action { true } else { false }
        }
        facts.append(
            TaskFact(
                task: task, request: request ?? "r-\(task)", state: result == .success ? .success : .failure,
                result: result, isCopy: isCopy))
    }

    /// Judged with and without the fleet's own word.
    func verdict(knowingFacts: Bool = true) -> HistoryCheck.Verdict {
        HistoryCheck().verdict(operations, facts: knowingFacts ? facts : nil)
    }
}

extension HistoryCheck.Verdict {
    /// The promise that a wrong history breaks.
    var broken: Promise? {
        if case .wrong(let promise, _) = self { promise } else { nil }
    }
}
