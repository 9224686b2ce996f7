/// Looks at what becomes of every reachable state when nothing goes wrong any more: that every way of progress leads to
/// rest, in whatever order the steps come.
///
/// This holds exactly if the graph of those steps has no end and no cycle outside of the states at rest. It is more than
/// that rest can be reached, and asks for no other fairness than that some step that has to come does come.
package struct ProgressExplorer {
    package static let comesToRest = (
        name: "V1",
        statement: "when nothing goes wrong any more, everything ends and comes to rest, in any order of steps"
    )
    package static let endsWell = (
        name: "V2", statement: "it ends in success, but for spent attempts, a deadline, or an upload that was cut off"
    )

    private let model: Model
    private let start: State
    private let limit: Int
    private var seen = Seen()
    private var packer = Packer()
    /// Steps of progress, as pairs of states.
    private var sources: [UInt32] = []
    private var targets: [UInt32] = []
    private var isAtRest: [Bool] = []
    private var report = Explorer.Report()

    /// - Parameters:
    ///   - start: where to begin, if not where the model does.
    ///   - limit: give up after so many states; the report says so.
    package init(_ model: Model, from start: State? = nil, limit: Int = .max) {
        self.model = model
        self.start = start ?? model.start
        self.limit = limit
    }

    /// - Returns: of edges, those of progress.
    package mutating func run() -> Explorer.Report {
        explore()
        report.states = seen.count
        report.edges = sources.count
        if report.isComplete { judge() }
        return report
    }

    /// Everything that may happen, and from there on progress only: some claims are kept for that.
    private func steps(_ state: State) -> (all: [Model.Step], progress: [Model.Step]) {
        let next = model.next(state)
        let progress = model.progress(from: next, of: state)
        let bound = model.configuration.nonces - model.configuration.reserve
        if state.minted > bound { return (progress, progress) }
        return (next.filter { $0.state.minted <= bound } + progress, progress)
    }

    private mutating func explore() {
        var level = [(number: 0, state: start)]
        _ = number(of: start, parent: .max)
        while !level.isEmpty {
            var nextLevel: [(number: Int, state: State)] = []
            for (index, state) in level {
                let (all, progress) = steps(state)
                for step in all {
                    let (target, isNew) = number(of: step.state, parent: UInt32(index))
                    if isNew { nextLevel.append((target, step.state)) }
                }
                for step in progress {
                    let (target, _) = number(of: step.state, parent: UInt32(index))
                    if target == index { continue }
                    sources.append(UInt32(index))
                    targets.append(UInt32(target))
                    guard !model.endsWell(step, from: state) else { continue }
                    violate(Self.endsWell, after: way(to: index) + [step.action])
                }
                guard seen.count <= limit else {
                    report.isComplete = false
                    return
                }
            }
            if !nextLevel.isEmpty { report.depth += 1 }
            level = nextLevel
        }
    }

    private mutating func number(of state: State, parent: UInt32) -> (number: Int, isNew: Bool) {
        packer.reset()
        packer.add(state)
        let (number, isNew) = seen.insert(Fingerprint(packer.bytes), parent: parent)
        if isNew { isAtRest.append(model.isAtRest(state)) }
        return (number, isNew)
    }

    /// Takes away again and again what has only such steps as lead to what was taken away before, rest first. What is
    /// left need never come to rest.
    private mutating func judge() {
        var left = [UInt32](repeating: 0, count: seen.count)
        var first = [UInt32](repeating: 0, count: seen.count + 1)
        for index in sources.indices {
            left[Int(sources[index])] += 1
            first[Int(targets[index]) + 1] += 1
        }
        for index in 1...seen.count { first[index] += first[index - 1] }
        // The steps that lead to a state, one behind the other.
        var sourcesByTarget = [UInt32](repeating: 0, count: sources.count)
        var place = first
        for index in sources.indices {
            let target = Int(targets[index])
            sourcesByTarget[Int(place[target])] = sources[index]
            place[target] += 1
        }
        let ends = left.indices.filter { left[$0] == 0 && !isAtRest[$0] }
        var isTaken = isAtRest
        var open = isAtRest.indices.filter { isAtRest[$0] }
        while let state = open.popLast() {
            for index in first[state]..<first[state + 1] {
                let source = Int(sourcesByTarget[Int(index)])
                left[source] -= 1
                if left[source] == 0, !isTaken[source] {
                    isTaken[source] = true
                    open.append(source)
                }
            }
        }
        guard let stuck = isTaken.firstIndex(of: false) else { return }
        violate(Self.comesToRest, after: way(to: ends.first ?? stuck))
    }

    private mutating func violate(_ property: (name: String, statement: String), after way: [Action]) {
        guard !report.violations.contains(where: { $0.invariant == property.name }) else { return }
        var statement = property.statement
        if property.name == Self.comesToRest.name {
            statement += "; here " + model.unrest(state(after: way)).joined(separator: ", ")
        }
        report.violations.append(
            Explorer.Violation(invariant: property.name, statement: statement, trace: way))
    }

    private func way(to number: Int) -> [Action] {
        seen.way(to: number, from: start) { steps($0).all }.map(\.action)
    }

    private func state(after actions: [Action]) -> State {
        var state = start
        for action in actions {
            guard let step = steps(state).all.first(where: { $0.action == action }) else { break }
            state = step.state
        }
        return state
    }
}
