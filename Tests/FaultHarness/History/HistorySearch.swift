import ImportModel

/// Looks for an order of the operations on one image in which each of them could have been answered as it was.
///
/// After Wing and Gong, with Lowe's memory of what was tried: a configuration is the set of operations that have been
/// put in order, and the state that they lead to. The next one in order is any that began before each of the others had
/// ended. Operations of unknown outcome may be left out. Between any two operations the fleet may take a silent step.
struct HistorySearch {
    private struct Operation {
        let source: HistoryOperation
        let step: HistoryState.Step
        /// Whether it has happened for certain.
        let isCertain: Bool
        var began: Int64 { source.began }
        var limit: Int64 { isCertain && !source.isUnknown ? source.limit : .max }
    }

    private struct Configuration: Hashable {
        var ordered: Bits
        var state: HistoryState
    }

    private let operations: [Operation]
    private let fates: [TaskResult?]
    private let ends: [HistoryState.Task?]
    private let orders: [HistoryState.Order?]
    private var seen: Set<Configuration> = []
    /// The most operations that could be put in order, and where that led.
    private var furthest: (count: Int, configuration: Configuration)?

    init(_ history: [HistoryOperation], facts: [TaskFact]?) {
        var cast = TaskCast(history, facts)
        var operations: [Operation] = []
        for operation in history.sorted(by: { ($0.began, $0.number) < ($1.began, $1.number) }) {
            guard let (step, isCertain) = cast.step(of: operation) else { continue }
            operations.append(Operation(source: operation, step: step, isCertain: isCertain))
        }
        self.operations = operations
        fates = cast.fates
        ends = cast.ends
        orders = cast.orders
    }

    mutating func verdict(limit: Int) -> HistoryCheck.Verdict {
        var waiting = [
            Configuration(ordered: Bits(operations.count), state: HistoryState(tasks: fates.count))
        ]
        seen = [waiting[0]]
        while let configuration = waiting.popLast() {
            if isWhole(configuration) { return .right }
            for next in following(configuration) where seen.insert(next).inserted { waiting.append(next) }
            guard seen.count <= limit else { return .undecided }
        }
        return .wrong(.linearizable, explanation)
    }

    private func isWhole(_ configuration: Configuration) -> Bool {
        for (index, operation) in operations.enumerated()
        where operation.isCertain && !configuration.ordered[index] { return false }
        return zip(ends, configuration.state.tasks).allSatisfy { $0 == nil || $0 == $1 }
    }

    private mutating func following(_ configuration: Configuration) -> [Configuration] {
        let (ordered, state) = (configuration.ordered, configuration.state)
        var deadline = Int64.max
        var count = 0
        for (index, operation) in operations.enumerated() {
            if ordered[index] { count += 1 } else { deadline = min(deadline, operation.limit) }
        }
        if count >= furthest?.count ?? 0 { furthest = (count, configuration) }
        var next: [Configuration] = []
        for (index, operation) in operations.enumerated() where !ordered[index] && operation.began <= deadline {
            guard
                let after = state.after(
                    operation.step, operation: index, fates: fates, orders: orders, overlaps: overlaps)
            else { continue }
            // Without an effect it may as well not have happened.
            if after == state, !operation.isCertain { continue }
            var more = configuration
            more.ordered[index] = true
            more.state = after
            // What changes nothing and fits here can be put here: any order with it later is one with it now.
            if after == state { return [more] }
            next.append(more)
        }
        for silent in state.silentSteps(orders: orders, fates: fates) {
            next.append(Configuration(ordered: ordered, state: silent))
        }
        return next
    }

    private func overlaps(_ one: Int, _ other: Int) -> Bool {
        operations[one].began <= operations[other].limit && operations[other].began <= operations[one].limit
    }

    private var explanation: String {
        guard let furthest else { return "no operation could have happened" }
        let rest = operations.indices.filter { operations[$0].isCertain && !furthest.configuration.ordered[$0] }
        guard !rest.isEmpty else {
            return "no order of the operations ends as the tasks did: \(furthest.configuration.state)"
        }
        return
            "after \(furthest.count) of \(operations.count) operations the image is \(furthest.configuration.state), "
            + "and none of these fits: " + rest.prefix(4).map { "\(operations[$0].source)" }.joined(separator: "; ")
    }
}

/// A set of small numbers.
private struct Bits: Hashable {
    private var words: [UInt64]

    init(_ count: Int) { words = Array(repeating: 0, count: (count + 63) / 64) }

    subscript(_ index: Int) -> Bool {
        get { words[index / 64] & (1 << (UInt64(index) % 64)) != 0 }
        set {
            let bit: UInt64 = 1 << (UInt64(index) % 64)
            if newValue { words[index / 64] |= bit } else { words[index / 64] &= ~bit }
        }
    }
}
