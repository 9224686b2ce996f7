import ImportModel

/// The tasks of an image by numbers, and what each operation is to them: what an answer, or the fleet's own word
/// afterwards, says about whose task is whose.
struct TaskCast {
    private var numbers: [TaskID: Int] = [:]
    private(set) var fates: [TaskResult?] = []
    /// How each task must have ended, where that is known.
    private(set) var ends: [HistoryState.Task?] = []
    /// What each was asked to do, where that is known.
    private(set) var orders: [HistoryState.Order?] = []
    private let facts: [TaskFact]?

    init(_ history: [HistoryOperation], _ facts: [TaskFact]?) {
        self.facts = facts
        for fact in facts ?? [] {
            let end: HistoryState.Task = fact.result.map { .ended($0) } ?? .live
            numbers[fact.task] = add(fact.result, end)
        }
        for operation in history {
            switch (operation.action, operation.outcome) {
            case (.cancel(let task), _), (.look(let task), _), (_, .accepted(let task)):
                if numbers[task] == nil { numbers[task] = add(nil, nil) }
            default: break
            }
        }
    }

    private mutating func add(_ fate: TaskResult?, _ end: HistoryState.Task?) -> Int {
        fates.append(fate)
        ends.append(end)
        orders.append(nil)
        return fates.count - 1
    }

    /// What an operation was, and whether it happened for certain; `nil`: nothing is known of it that could matter.
    mutating func step(of operation: HistoryOperation) -> (HistoryState.Step, Bool)? {
        switch operation.action {
        case .create:
            switch operation.outcome {
            case .refused: (.createRefused, true)
            default: (.create, !operation.isUnknown)
            }
        case .import(let request, let size, let stores):
            asking(operation, request, .import(size: size, stores: stores), HistoryState.Step.import)
        case .copy(let request, let order):
            switch operation.outcome {
            case .done: (.copySpared(order), true)
            case .refused(let status) where status != 404: (.copyRefused(order), true)
            default: asking(operation, request, .copy(order), HistoryState.Step.copy)
            }
        case .cancel(let task):
            numbers[task].flatMap { number in
                switch operation.outcome {
                case .refused(404): (.noTask(task: number), true)
                case .refused: (.cancelTooLate(task: number), true)
                default: (.cancel(task: number), !operation.isUnknown)
                }
            }
        case .delete:
            switch operation.outcome {
            case .refused: (.noImage, true)
            default: (.delete, !operation.isUnknown)
            }
        case .show:
            switch operation.outcome {
            case .shown(let shown): (.shown(shown), true)
            case .refused: (.noImage, true)
            default: nil
            }
        case .look(let task):
            numbers[task].flatMap { number in
                switch operation.outcome {
                case .seen(let state, let result): (.seen(task: number, state, result), true)
                case .refused: (.noTask(task: number), true)
                default: nil
                }
            }
        }
    }

    private mutating func asking(
        _ operation: HistoryOperation, _ request: String, _ order: HistoryState.Order,
        _ step: (_ task: Int) -> HistoryState.Step
    ) -> (HistoryState.Step, Bool)? {
        switch operation.outcome {
        case .accepted(let task):
            guard let number = numbers[task] else { return nil }
            orders[number] = order
            return (step(number), true)
        case .refused(404): return (.importWithoutImage, true)
        case .refused: return (.importRefused, true)
        default:
            // The request's name tells whether it made a task.
            guard let facts else {
                let number = add(nil, nil)
                orders[number] = order
                return (step(number), false)
            }
            guard let fact = facts.first(where: { $0.request == request }), let number = numbers[fact.task] else {
                return nil
            }
            orders[number] = order
            return (step(number), true)
        }
    }
}
