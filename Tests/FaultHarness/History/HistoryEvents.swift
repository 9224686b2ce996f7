package import ImportModel

/// Judges the fleet's own account of an image's tasks (the stream `events`): the order in which Redis has taken each
/// step, whoever heard of it.
package struct HistoryEvents: Sendable {
    private enum Task { case pending, processing, ended }

    package init() {}

    /// What is wrong with the events of one image, in the server's order.
    /// - Parameter facts: all tasks of the image, when all was over.
    package func problems(_ events: [FleetEvent], facts: [TaskFact]) -> [FaultReport.Violation] {
        var tasks: [TaskID: Task] = [:]
        var workers: [TaskID: [String]] = [:]
        var published: TaskID?
        var succeeded: Set<TaskID> = []
        let copies = Set(facts.filter(\.isCopy).map(\.task))
        var problems: [FaultReport.Violation] = []
        func wrong(_ event: FleetEvent, _ why: String, _ promise: Promise = .linearizable) {
            problems.append(
                .init(
                    promise: promise,
                    what: "event \(event.id) of image \(event.imageId): \(event.type) of task "
                        + "\(event.taskId?.rawValue ?? "none") \(why)"))
        }
        for event in events {
            if event.type == "fault" { wrong(event, "was found by the online check: \(event.detail)", .consistent) }
            // Only faults may be about the image alone.
            guard let id = event.taskId else {
                if event.type != "fault" { wrong(event, "names no task", .consistent) }
                continue
            }
            let task = tasks[id]
            switch event.type {
            case "created":
                if task != nil { wrong(event, "comes a second time") }
                if let other = tasks.first(where: { $0.value != .ended })?.key {
                    wrong(event, "while task \(other) holds the lock")
                }
                if let published, !copies.contains(id) {
                    wrong(event, "after task \(published) was published", .publishedOnce)
                }
                if published == nil, copies.contains(id) { wrong(event, "copies what was never published") }
                tasks[id] = .pending
            case "claimed":
                if task != .pending { wrong(event, "which does not wait (\(Self.word(task)))") }
                workers[id, default: []].append(event.detail)
                tasks[id] = .processing
            case "recovered":
                // It says why; what becomes of the task is told by the event that follows.
                if task != .processing { wrong(event, "which does not run (\(Self.word(task)))") }
            case "retrying", "released":
                if task != .processing { wrong(event, "which does not run (\(Self.word(task)))") }
                tasks[id] = .pending
            case "success":
                if task != .processing { wrong(event, "which does not run (\(Self.word(task)))", .publishedOnce) }
                succeeded.insert(id)
                if !copies.contains(id) {
                    if let published { wrong(event, "after task \(published) was published", .publishedOnce) }
                    published = id
                }
                tasks[id] = .ended
            case "failure":
                if task == nil || task == .ended { wrong(event, "which does not live (\(Self.word(task)))") }
                tasks[id] = .ended
            default: break
            }
        }
        return problems + facts.flatMap { contradictions($0, tasks, workers[$0.task] ?? [], succeeded) }
    }

    private func contradictions(
        _ fact: TaskFact, _ tasks: [TaskID: Task], _ workers: [String], _ succeeded: Set<TaskID>
    ) -> [FaultReport.Violation] {
        var problems: [FaultReport.Violation] = []
        func wrong(_ promise: Promise, _ why: String) {
            problems.append(.init(promise: promise, what: "task \(fact.task) \(why)"))
        }
        if (tasks[fact.task] == .ended) != fact.state.isTerminal {
            wrong(.linearizable, "is \(fact.state), and its events say: \(Self.word(tasks[fact.task]))")
        }
        let hasSucceeded = succeeded.contains(fact.task)
        if (fact.result == .success) != hasSucceeded {
            wrong(.publishedOnce, "is \(fact.state), and its events \(hasSucceeded ? "publish it" : "do not")")
        }
        if workers.count != fact.attempts {
            wrong(.consistent, "has \(fact.attempts) attempts, and \(workers.count) claims were told of")
        }
        // The last 32 attempts are remembered, each by who ran it.
        if fact.state.isTerminal, fact.workers != workers.suffix(32) {
            wrong(.consistent, "remembers the workers \(fact.workers), and claims were given to \(workers.suffix(32))")
        }
        return problems
    }

    private static func word(_ task: Task?) -> String {
        switch task {
        case nil: "unborn"
        case .pending: "waiting"
        case .processing: "running"
        case .ended: "ended"
        }
    }
}
