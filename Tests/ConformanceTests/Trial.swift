@testable import ProtocolModel
import RedisClient

/// Calls to be made where a walk has been, of which the model says how they are answered and what they leave.
struct Trial {
    var operation: Operation
    var script: RedisScript
    /// The state in which it is made.
    var node: Redis
    var snapshot: RealRedis.Snapshot

    /// Of all calls and probes in the states of a graph, the share that is asked for, and each script a few times; the
    /// same ones in every run.
    ///
    /// - Parameter share: from 0 to 1.
    static func sample(_ graph: ScriptGraph, _ redis: RealRedis, share: Double) async throws -> [Trial] {
        var walk = Walk(graph, redis, share: 0)
        try await walk.run()
        guard walk.isComplete else { throw TrialError(mismatches: walk.mismatches) }
        var random = FixedRandom()
        var trials: [Trial] = []
        var counts: [String: Int] = [:]
        for (number, node) in graph.nodes.enumerated() {
            guard let snapshot = walk.snapshots[number] else { continue }
            let edges = graph.edges[number] + Probes(configuration: graph.configuration).edges(from: node)
            let wire = Wire(configuration: graph.configuration, revisions: snapshot.revisions)
            for edge in edges {
                guard let script = wire.script(of: edge.operation) else { continue }
                let isRare = counts[script.name, default: 0] < 3
                guard random.next() < (isRare ? max(share, 0.1) : share) else { continue }
                counts[script.name, default: 0] += 1
                trials.append(Trial(operation: edge.operation, script: script, node: node, snapshot: snapshot))
            }
        }
        return trials
    }
}

struct TrialError: Error {
    /// Why not every state could be made.
    var mismatches: [String]
}

extension ScriptModel {
    /// What a call that is made of the real scripts answers and leaves.
    func run(_ operation: Operation, on redis: inout Redis) -> Reply? {
        // A place behind all that are taken: how many there ever were is not told.
        redis.sequence = redis.tasks.map(\.place).max() ?? 0
        switch operation {
        case .call(let call): return run(call, on: &redis)
        case .done(let store, let objects, let renewed):
            redis.renewed = renewed
            return run(.garbageDone(store: store, objects: objects), on: &redis)
        case .passes, .restart: return nil
        }
    }
}
