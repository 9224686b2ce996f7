@testable import ProtocolModel

/// Goes through a graph in the order in which it was found, so that every state is reached by the shortest way of real
/// calls, and compares every step with the model's.
struct Walk {
    private let graph: ScriptGraph
    private let redis: RealRedis
    private let share: Double
    private var random = FixedRandom()
    /// Each state that was reached, by its number in the graph.
    private(set) var snapshots: [Int: RealRedis.Snapshot] = [:]
    /// How many steps of the graph, and how many probes, were compared.
    private(set) var edges = 0
    private(set) var probes = 0
    private(set) var mismatches: [String] = []

    /// - Parameter share: of the edges that lead to no new state, and of the probes, how many to walk. With 0, only
    ///   snapshots are made.
    init(_ graph: ScriptGraph, _ redis: RealRedis, share: Double) {
        self.graph = graph
        self.redis = redis
        self.share = share
    }

    /// Whether every state was reached.
    var isComplete: Bool { snapshots.count == graph.nodes.count }

    mutating func run() async throws {
        let start = try await redis.start()
        compare(start.projection, with: graph.nodes[0], "the empty catalog")
        snapshots[0] = start.snapshot
        for number in graph.nodes.indices {
            guard let snapshot = snapshots[number] else {
                mismatches.append("a state was not reached, since the way to it differs")
                continue
            }
            var own: [ScriptGraph.Edge] = []
            var reached: Set<Int> = []
            for edge in graph.edges[number] where isWanted(edge, &reached) { own.append(edge) }
            let others = Probes(configuration: graph.configuration).edges(from: graph.nodes[number])
                .filter { edge in
                    let isDrawn = random.next() < share
                    // That the online check finds nothing is looked at everywhere.
                    return isDrawn || edge.operation.isAudit
                }
            edges += own.count
            probes += others.count
            let all = own + others
            let outcomes = try await redis.run(all.map(\.operation), from: snapshot)
            for (edge, outcome) in zip(all, outcomes) { check(edge, outcome, from: graph.nodes[number]) }
            // Enough to see what is wrong; the rest follows from it.
            if mismatches.count > 20 { return }
        }
    }

    /// The first way to a state is always walked, since what lies behind it needs it.
    private mutating func isWanted(_ edge: ScriptGraph.Edge, _ reached: inout Set<Int>) -> Bool {
        let isFirst =
            graph.number(ofKnown: edge.target).map { snapshots[$0] == nil && reached.insert($0).inserted } ?? false
        return isFirst || random.next() < share
    }

    private mutating func check(_ edge: ScriptGraph.Edge, _ outcome: RealRedis.Outcome, from source: Redis) {
        let before = mismatches.count
        if let expected = edge.reply, outcome.reply != expected {
            mismatches.append(
                "\(edge.operation)\n  answers \(outcome.raw)\n  instead of \(expected)\n  in \(source)")
        }
        compare(outcome.projection, with: edge.target, "\(edge.operation)\n  in \(source)")
        guard before == mismatches.count, let number = graph.number(ofKnown: edge.target), snapshots[number] == nil
        else { return }
        snapshots[number] = outcome.snapshot
    }

    private mutating func compare(_ projection: Projection, with expected: Redis, _ what: String) {
        for fault in projection.faults { mismatches.append("\(fault), after \(what)") }
        guard projection.redis != expected else { return }
        let differences = zip(Mirror(reflecting: projection.redis).children, Mirror(reflecting: expected).children)
            .filter { "\($0.value)" != "\($1.value)" }
            .map { "  \($0.label ?? ""): Redis \($0.value)\n  \($1.label ?? ""): model \($1.value)" }
        mismatches.append("\(what)\nleaves\n\(differences.joined(separator: "\n"))")
    }
}

/// The same numbers in every run, from 0 up to 1.
struct FixedRandom {
    private var state: UInt64 = 20_260_101

    mutating func next() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) / Double(1 << 53)
    }
}
