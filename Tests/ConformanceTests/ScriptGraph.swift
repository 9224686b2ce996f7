@testable import ProtocolModel

/// What can be done to Redis in one step.
enum Operation: Hashable {
    case call(Call)
    /// The sweeper reports; `renewed` are those that were named again since it took them.
    case done(store: Int, objects: Bits, renewed: Bits)
    case passes(Passing)
    /// Redis restarts, or another one takes its place: no suspicion counts any more.
    case restart

    var isAudit: Bool {
        switch self {
        case .call(.auditStep), .call(.auditIndex), .call(.auditImage): true
        default: false
        }
    }
}

/// The graph of a model as Redis sees it: its states, and every call, and every passing of time, that leads from one to
/// another. What the processes know beside is left out; many states of the model are one of these.
struct ScriptGraph {
    struct Edge {
        var operation: Operation
        /// Nil where time passes.
        var reply: Reply?
        var target: Redis
    }

    let configuration: Configuration
    private(set) var nodes: [Redis] = []
    private(set) var edges: [[Edge]] = []
    /// How many states and edges of the model these stand for.
    private(set) var modelStates = 0
    private(set) var modelEdges = 0
    private var numbers: [Redis: Int] = [:]
    private var known: [Set<Operation>] = []

    /// Explores the model to its end.
    static func explore(_ configuration: Configuration) -> ScriptGraph {
        let model = Model(configuration)
        var graph = ScriptGraph(configuration: configuration)
        _ = graph.number(of: model.start.redis.asRedisTells)
        let report = Explorer(model).run { _, state, steps in
            for step in steps { graph.add(step, from: state) }
        }
        graph.modelStates = report.states
        graph.modelEdges = report.edges
        return graph
    }

    private init(configuration: Configuration) { self.configuration = configuration }

    func number(ofKnown node: Redis) -> Int? { numbers[node] }

    private mutating func add(_ step: Model.Step, from state: State) {
        var source = state.redis
        let operation: Operation
        var reply: Reply?
        switch step.action {
        case .call(_, let call, .answered(let answer)), .call(_, let call, .unconfirmed(let answer)),
            .late(let call, let answer):
            reply = answer
            if case .garbageDone(let store, let objects) = call {
                let renewed = state.redis.renewed.intersection(objects)
                operation = .done(store: store, objects: objects, renewed: renewed)
            } else {
                operation = .call(call)
            }
        case .passes(let passing): operation = .passes(passing)
        case .restart: operation = .restart
        case .failover:
            // The replica is where Redis has been before.
            guard let replica = state.replica else { return }
            source = replica
            operation = .restart
        default: return
        }
        let from = number(of: source.asRedisTells)
        guard known[from].insert(operation).inserted else { return }
        let target = step.state.redis.asRedisTells
        _ = number(of: target)
        edges[from].append(Edge(operation: operation, reply: reply, target: target))
    }

    private mutating func number(of node: Redis) -> Int {
        if let number = numbers[node] { return number }
        numbers[node] = nodes.count
        nodes.append(node)
        edges.append([])
        known.append([])
        return nodes.count - 1
    }
}

extension Configuration {
    /// The graph of one of those that are compared with the scripts; explored once for all tests.
    var graph: ScriptGraph { Self.graphs[name] ?? ScriptGraph.explore(self) }

    private static let graphs = Dictionary(
        uniqueKeysWithValues: conformance.map { ($0.name, ScriptGraph.explore($0)) })
}

extension Redis {
    /// As far as it can be read from the keys, and as far as anything is decided by it: a run of the server is this one
    /// or an earlier one; of the places in the queue only the order counts; which score the sweeper was told is its own
    /// affair.
    var asRedisTells: Redis {
        var told = self
        told.renewed = []
        told.run = 0
        told.sequence = 0
        let places = tasks.filter(\.isLive).map(\.place).sorted()
        for index in told.tasks.indices {
            let task = tasks[index]
            if let mark = task.suspect {
                told.tasks[index].suspect = Suspicion(run: mark.run == run ? 0 : -1, beat: mark.beat)
            }
            told.tasks[index].place = task.isLive && task.place != 0 ? places.count { $0 != 0 && $0 <= task.place } : 0
        }
        return told
    }
}
