/// Walks a model's graph breadth first, to its end, and keeps the shortest way to every invariant's violation.
package struct Explorer {
    package struct Violation: Sendable {
        package var invariant: String
        package var statement: String
        /// The steps that lead there, the violating one last.
        package var trace: [Action]
    }

    package struct Report: Sendable {
        package var states = 0
        /// Steps between different states.
        package var edges = 0
        package var depth = 0
        package var violations: [Violation] = []
        /// Whether the whole graph was seen.
        package var isComplete = true
    }

    package let model: Model
    package var limit: Int
    package var stopsAtFirst: Bool

    /// - Parameters:
    ///   - limit: give up after so many states; the report says so.
    ///   - stopsAtFirst: go no deeper than where the first invariant breaks.
    package init(_ model: Model, limit: Int = .max, stopsAtFirst: Bool = false) {
        self.model = model
        self.limit = limit
        self.stopsAtFirst = stopsAtFirst
    }

    /// A state that violates something is not walked on from, so that what is reported is what breaks *first*.
    ///
    /// - Parameter visit: told every new state with its number, and all steps from it that lead to another state.
    package func run(visit: ((Int, State, [Model.Step]) -> Void)? = nil) -> Report {
        var report = Report()
        var seen = Seen()
        var packer = Packer()
        func number(of state: State, from parent: UInt32) -> (number: Int, isNew: Bool) {
            packer.reset()
            packer.add(state)
            return seen.insert(Fingerprint(packer.bytes), parent: parent)
        }
        var level = [(number: 0, state: model.start)]
        _ = number(of: model.start, from: .max)
        while !level.isEmpty {
            var nextLevel: [(number: Int, state: State)] = []
            for (index, state) in level {
                let steps = model.next(state)
                var proper: [Model.Step] = []
                for step in steps {
                    let (target, isNew) = number(of: step.state, from: UInt32(index))
                    if target == index { continue }
                    report.edges += 1
                    if visit != nil { proper.append(step) }
                    var broken = model.broken(by: step.action, from: state, to: step.state)
                    if isNew { broken += model.broken(in: step.state) }
                    for (name, statement) in broken where !report.violations.contains(where: { $0.invariant == name }) {
                        let trace = seen.way(to: index, from: model.start, model.next).map(\.action) + [step.action]
                        report.violations.append(Violation(invariant: name, statement: statement, trace: trace))
                    }
                    if isNew, broken.isEmpty { nextLevel.append((target, step.state)) }
                }
                visit?(index, state, proper)
                if seen.count > limit {
                    report.isComplete = false
                    report.states = seen.count
                    return report
                }
            }
            if !nextLevel.isEmpty { report.depth += 1 }
            if stopsAtFirst, !report.violations.isEmpty { break }
            level = nextLevel
        }
        report.states = seen.count
        return report
    }
}

/// All states that were seen: a fingerprint and where it was first reached from, 20 bytes and a slot of a table each.
struct Seen {
    private var fingerprints: [Fingerprint] = []
    private var parents: [UInt32] = []
    private var table = [UInt32](repeating: .max, count: 1 << 16)

    var count: Int { fingerprints.count }

    func parent(of number: Int) -> Int { Int(parents[number]) }
    func fingerprint(of number: Int) -> Fingerprint { fingerprints[number] }

    /// Walks again from the start to a state, by the numbers of the states on the way.
    func way(to end: Int, from start: State, _ next: (State) -> [Model.Step]) -> [Model.Step] {
        var numbers: [Int] = []
        var number = end
        while number != 0 {
            numbers.append(number)
            number = parent(of: number)
        }
        var steps: [Model.Step] = []
        for number in numbers.reversed() {
            let found = next(steps.last?.state ?? start).first { step in
                var packer = Packer()
                packer.add(step.state)
                return fingerprint(of: number) == Fingerprint(packer.bytes)
            }
            if let found { steps.append(found) }
        }
        return steps
    }

    mutating func insert(_ fingerprint: Fingerprint, parent: UInt32) -> (number: Int, isNew: Bool) {
        if fingerprints.count * 2 > table.count { grow() }
        let slot = self.slot(of: fingerprint)
        if table[slot] != .max { return (Int(table[slot]), false) }
        table[slot] = UInt32(fingerprints.count)
        fingerprints.append(fingerprint)
        parents.append(parent)
        return (fingerprints.count - 1, true)
    }

    private func slot(of fingerprint: Fingerprint) -> Int {
        let mask = table.count - 1
        var slot = Int(truncatingIfNeeded: fingerprint.low) & mask
        while table[slot] != .max, fingerprints[Int(table[slot])] != fingerprint { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func grow() {
        table = [UInt32](repeating: .max, count: table.count * 2)
        for index in fingerprints.indices { table[slot(of: fingerprints[index])] = UInt32(index) }
    }
}
