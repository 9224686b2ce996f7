import Foundation
@testable import ProtocolModel
import RedisClient
import Testing
import TestSupport

@testable import LeaseStore

/// The scripts while their slot is moved from one node of a cluster to another.
///
/// The client that ships speaks to one server only. Here the nodes are asked directly, as a client of a cluster asks
/// them: the one that has the slot, and the one that gets it, with `ASKING` and without.
@Suite struct MovingSlotTests {
    @Test func `while the slot moves every call changes nothing, and then it is answered as the model says`()
        async throws
    {
        let isWhole = ProcessInfo.processInfo.environment["LONGSHORE_CONFORMANCE"] == "all"
        try await Cluster.with { cluster in
            var scripts: [String: Int] = [:]
            var (owner, random) = (0, FixedRandom())
            for configuration in Configuration.conformance {
                let trials = try await withRedis { server in
                    try await withClient(server.configuration) { client in
                        let redis = RealRedis(client, configuration)
                        return try await Trial.sample(configuration.graph, redis, share: isWhole ? 0.05 : 0.001)
                    }
                }
                let move = try await MovingSlot(cluster, configuration, owner: owner)
                for trial in trials {
                    // Sometimes none, sometimes all.
                    let share = random.next() * 1.4 - 0.2
                    try await make(trial, on: move, moving: trial.snapshot.keys.filter { _ in random.next() < share })
                    scripts[trial.script.name, default: 0] += 1
                }
                owner = move.source
            }
            print("moving slot: \(scripts.values.reduce(0, +)) calls of \(scripts.count) scripts")
            #expect(Set(scripts.keys) == Set(Scripts.all.map(\.name)).subtracting(Self.others.map(\.0.name)))
        }
    }

    /// The scripts that the model does not have.
    static let others: [(RedisScript, [String])] = [
        (Scripts.catalogOpen, ["2", "other", "1"]), (Scripts.catalogIndex, ["1", "image0"]),
        (Scripts.imageCreate, ["image9", "name", "new"]),
        (Scripts.garbageCheck, ["store0", "image0/nonce0"]), (Scripts.turnBegin, ["audit", "1"]),
        (Scripts.taskExpire, ["100"]), (Scripts.leaseScan, ["0", "host", "100"]),
        (Scripts.processRegister, ["worker9", "60000", "host", "role", "worker"]),
        (Scripts.processLeave, ["worker0", "host"]), (Scripts.queueStats, []),
        (Scripts.memberAdd, ["image0", "project", "128"]), (Scripts.memberAnswer, ["image0", "project", "accepted"]),
        (Scripts.memberRemove, ["image0", "project"]), (Scripts.imageScan, ["walk", "0", "100"]),
        (Scripts.objectReport, ["store0", "1", "image0/nonce0", "is missing"]),
        (Scripts.storeReport, ["store0", "1", "1000"]), (Scripts.storeNote, ["store0"]),
    ]

    @Test func `the scripts that the model does not have change nothing either while the slot moves`() async throws {
        let configuration = try #require(Configuration.conformance.first)
        try await Cluster.with { cluster in
            let move = try await MovingSlot(cluster, configuration, owner: 0)
            let snapshot = try await withRedis { server in
                try await withClient(server.configuration) { client in
                    try await RealRedis(client, configuration).start().snapshot
                }
            }
            for (script, arguments) in Self.others {
                for count in 0...snapshot.keys.count {
                    try await move.begin(in: snapshot, moving: Array(snapshot.keys.prefix(count)))
                    for node in [MovingSlot.Asked.source, .target, .targetAsking] {
                        try await refuses({ $0.command(script, arguments) }, at: node, move, script.name)
                    }
                    try await move.finish()
                    let raw = try await move.call({ $0.command(script, arguments) }, at: .target)
                    #expect(raw.array != nil, "\(script.name) answers \(raw)")
                    move.turn()
                }
            }
        }
    }

    private func make(_ trial: Trial, on move: MovingSlot, moving keys: [String]) async throws {
        let command = { (redis: RealRedis) in
            redis.command(trial.operation, revisions: trial.snapshot.revisions)
        }
        let what = "\(trial.operation) in \(trial.node), \(keys) moved"
        try await move.begin(in: trial.snapshot, moving: keys)
        for node in [MovingSlot.Asked.source, .target, .targetAsking] {
            try await refuses(command, at: node, move, what)
        }
        try await move.finish()
        let raw = try await move.call(command, at: .target)
        // Nothing that was suspected under one server is suspected under another.
        var state = trial.node
        state.run += 1
        let expected = ScriptModel(move.configuration).run(trial.operation, on: &state)
        let reply = Answer(configuration: move.configuration, operation: trial.operation).read(raw)
        #expect(reply == expected, "\(what) answers \(raw)")
        let projection = try await move.contents().projection(move.configuration, runID: move.runID)
        #expect(projection.redis == state.asRedisTells, "after \(what)")
        #expect(projection.faults == [], "after \(what)")
        try await refuses(command, at: .source, move, what)
        move.turn()
    }

    private func refuses(
        _ command: (RealRedis) -> RedisCommand, at node: MovingSlot.Asked, _ move: MovingSlot, _ what: String
    ) async throws {
        let before = try await move.contents()
        let raw = try await move.call(command, at: node)
        if case .error(let error) = raw {
            #expect([.moved, .ask, .tryagain].contains(error.code), "at \(node): \(what) answers \(error)")
        } else {
            Issue.record("at \(node): \(what) answers \(raw)")
        }
        #expect(try await move.contents() == before, "at \(node): \(what)")
    }
}
