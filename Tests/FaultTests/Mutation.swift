import FaultHarness
import ImportModel

/// A history in which one thing was changed.
struct Mutation: CustomStringConvertible {
    let description: String
    let life: Life

    static func all(of life: Life) -> [Mutation] {
        answers(life) + facts(life) + events(life)
    }

    /// Each answer becomes one that could not have been given there.
    private static func answers(_ life: Life) -> [Mutation] {
        let firstActive = life.operations.firstIndex(where: \.showsActive)
        return life.operations.indices.flatMap { index in
            let operation = life.operations[index]
            let others: [HistoryOperation.Outcome] =
                switch (operation.action, operation.outcome) {
                case (.show, .shown(let shown)) where shown.status == .active:
                    // Up to the first sight of it, the image may have become active a moment later.
                    (index == firstActive ? [] : [.shown(.init(.importing))]) + [
                        .shown(.init(.queued)), .refused(404),
                        .shown(shown.changed(size: (shown.size ?? 0) + 1)),
                        .shown(.init(.active, size: shown.size, stores: shown.stores)),
                        .shown(shown.changed(stores: [])),
                        .shown(shown.changed(stores: shown.stores.union(["nowhere"]))),
                    ]
                case (.show, .shown(let shown)) where shown.status == .importing:
                    [.shown(.init(.queued)), .refused(404)]
                case (.show, .shown): [.shown(.init(.importing)), .refused(404)]
                case (.show, .refused): [.shown(.init(.queued)), .shown(.init(.importing))]
                case (.copy, .accepted): [.refused(409), .refused(404), .accepted(.random()), .done]
                case (.copy, .refused): [.accepted(.random()), .refused(404), .done]
                case (.copy, .done): [.accepted(.random()), .refused(404), .refused(409)]
                case (.import, .accepted): [.refused(409), .refused(404), .accepted(.random())]
                case (.import, .refused): [.accepted(.random()), .refused(404)]
                case (.create, .done): [.refused(409)]
                case (.cancel, .done): [.refused(409), .refused(404)]
                case (.cancel, .refused): [.done, .refused(404)]
                case (.delete, .done): [.refused(404)]
                case (.delete, .refused): [.done]
                case (.look, .seen(let state, _)) where state.isTerminal:
                    [.seen(.processing, nil), .seen(.success, .success), .refused(404)]
                case (.look, .seen): [.seen(.failure, .rejected), .seen(.success, .success), .refused(404)]
                default: []
                }
            return others.filter { $0 != operation.outcome }.map { outcome in
                var changed = life
                changed.operations[index] = HistoryOperation(
                    number: operation.number, client: operation.client, image: operation.image,
                    action: operation.action, began: operation.began, ended: operation.ended, outcome: outcome)
                return Mutation(description: "\(operation) is answered with \(outcome)", life: changed)
            }
        }
    }

    /// A task is forgotten, made up, or ends otherwise.
    private static func facts(_ life: Life) -> [Mutation] {
        life.facts.indices.flatMap { index in
            let fact = life.facts[index]
            var mutations: [Mutation] = []
            var changed = life
            changed.facts.remove(at: index)
            mutations.append(Mutation(description: "task \(fact.task) is forgotten", life: changed))
            changed = life
            changed.facts.append(TaskFact(task: .random(), request: "other", state: .failure, result: .rejected))
            mutations.append(Mutation(description: "a task is made up", life: changed))
            for result in TaskResult.allCases where result != fact.result {
                changed = life
                changed.facts[index] = TaskFact(
                    task: fact.task, request: fact.request, state: result == .success ? .success : .failure,
                    result: result, workers: fact.workers, attempts: fact.attempts, isCopy: fact.isCopy)
                mutations.append(Mutation(description: "task \(fact.task) ended with \(result)", life: changed))
            }
            return mutations
        }
    }

    /// An event is doubled, lost, or changes places with the next one.
    private static func events(_ life: Life) -> [Mutation] {
        life.events.indices.flatMap { index in
            let event = life.events[index]
            var mutations: [Mutation] = []
            var changed = life
            changed.events.insert(event, at: index)
            mutations.append(Mutation(description: "the event \(event) comes twice", life: changed))
            changed = life
            changed.events.remove(at: index)
            mutations.append(Mutation(description: "the event \(event) is lost", life: changed))
            if index + 1 < life.events.count {
                changed = life
                changed.events.swapAt(index, index + 1)
                mutations.append(Mutation(description: "the event \(event) comes one later", life: changed))
            }
            return mutations
        }
    }
}

extension HistoryOperation.Shown {
    fileprivate func changed(size: Int64? = nil, stores: Set<String>? = nil) -> Self {
        Self(status, size: size ?? self.size, digest: digest, stores: stores ?? self.stores)
    }
}

extension HistoryOperation {
    fileprivate var showsActive: Bool {
        if case .shown(let shown) = outcome { shown.status == .active } else { false }
    }
}
