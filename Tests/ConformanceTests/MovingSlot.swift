@testable import ProtocolModel
import RedisClient
import TestSupport

/// The slot of all keys on its way from one node of a cluster to the other, as `redis-cli --cluster reshard` moves it.
/// When it has arrived, the next way is back.
final class MovingSlot {
    /// Both nodes' keys, byte for byte, each as name and content.
    struct Contents: Equatable {
        var source: [String: RedisValue]
        var target: [String: RedisValue]
        fileprivate var listing: [RedisValue] = []

        static func == (left: Contents, right: Contents) -> Bool {
            left.source == right.source && left.target == right.target
        }

        func projection(_ configuration: Configuration, runID: String) -> Projection {
            Projection(listing, configuration, runID: runID)
        }
    }

    enum Asked { case source, target, targetAsking }

    let configuration: Configuration
    private let nodes: [Cluster.Node]
    private let redis: [RealRedis]
    private var owner: Int

    /// - Parameter owner: the node that has the slot.
    init(_ cluster: Cluster, _ configuration: Configuration, owner: Int) async throws {
        self.configuration = configuration
        nodes = cluster.nodes
        redis = cluster.nodes.map { RealRedis($0.client, configuration) }
        self.owner = owner
        for node in redis { try await node.loadScripts() }
    }

    /// The node that has the slot, until it has arrived at the other.
    var source: Int { owner }
    var target: Int { 1 - owner }
    /// Of the node that the slot goes to.
    var runID: String { redis[target].runID }

    /// Begins to move the slot in the given state, and moves these of its keys.
    func begin(in snapshot: RealRedis.Snapshot, moving keys: [String]) async throws {
        try await send(to: target, [RedisCommand("FLUSHALL"), setSlot("IMPORTING", source)])
        try await send(
            to: source, [RedisCommand("FLUSHALL"), redis[source].restore(snapshot), setSlot("MIGRATING", target)])
        try await migrate(keys)
    }

    /// Makes a call at one of the nodes and returns the answer.
    func call(_ command: (RealRedis) -> RedisCommand, at asked: Asked) async throws -> RedisValue {
        let node = asked == .source ? source : target
        let asking = asked == .targetAsking ? [RedisCommand("ASKING")] : []
        let replies = try await nodes[node].client.pipeline(asking + [command(redis[node])])
        return replies[replies.count - 1]
    }

    func contents() async throws -> Contents {
        var parts: [[String: RedisValue]] = []
        var listing: [RedisValue] = []
        for node in [source, target] {
            // The node that the slot goes to reads its keys only for who says that he knows.
            let replies = try await send(to: node, [RedisCommand("ASKING"), redis[node].everything])
            let dump = replies[1].array ?? []
            listing += dump.first?.array ?? []
            let payloads = dump.last?.array ?? []
            var part: [String: RedisValue] = [:]
            for index in stride(from: 0, to: payloads.count - 1, by: 2) {
                part[payloads[index].string ?? ""] = payloads[index + 1]
            }
            parts.append(part)
        }
        return Contents(source: parts[0], target: parts[1], listing: listing)
    }

    /// Moves what is left, and gives the slot away.
    func finish() async throws {
        try await migrate(Array(try await contents().source.keys))
        try await send(to: target, [setSlot("NODE", target)])
        try await send(to: source, [setSlot("NODE", target)])
        // Whose it is, is a matter of epochs: the next way back begins when the other has heard of this one's.
        try await eventually { try await epoch(of: target, at: source) == epoch(of: target, at: target) }
    }

    private func epoch(of node: Int, at other: Int) async throws -> Substring? {
        let lines = try await nodes[other].client.send("CLUSTER", "NODES").string ?? ""
        let line = lines.split(separator: "\n").first { $0.hasPrefix(nodes[node].id) }
        return line?.split(separator: " ").dropFirst(6).first
    }

    /// What was the target is the source from now on.
    func turn() { owner = 1 - owner }

    private func setSlot(_ state: String, _ node: Int) -> RedisCommand {
        RedisCommand("CLUSTER", "SETSLOT", Self.slot, state, nodes[node].id)
    }

    /// Of `{model}`, as `CLUSTER KEYSLOT` says.
    private static let slot = 11204

    private func migrate(_ keys: [String]) async throws {
        guard !keys.isEmpty else { return }
        var arguments: [any RedisArgument] = ["127.0.0.1", nodes[target].port, "", 0, 10_000, "KEYS"]
        for key in keys { arguments.append(key) }
        try await send(to: source, [RedisCommand("MIGRATE", arguments: arguments)])
    }

    @discardableResult
    private func send(to node: Int, _ commands: [RedisCommand]) async throws -> [RedisValue] {
        let replies = try await nodes[node].client.pipeline(commands)
        for case .error(let error) in replies { throw error }
        return replies
    }
}
