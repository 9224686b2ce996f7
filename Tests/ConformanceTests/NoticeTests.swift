import Foundation
import RedisClient
import Testing
import TestSupport

@testable import LeaseStore
@testable import ProtocolModel

/// That the comparison would notice: faults put into the scripts on purpose, and states that the explorer must not take
/// for one.
@Suite struct NoticeTests {
    struct Fault: CustomTestStringConvertible, Sendable {
        var name: String
        var right: String
        var wrong: String
        var configuration: String

        var testDescription: String { name }
    }

    static let faults = [
        Fault(
            name: "no comparison of the nonce", right: "elseif task.nonce ~= nonce then", wrong: "elseif false then",
            configuration: "failures"),
        Fault(
            name: "a single key to recover", right: "task.suspect ~= run_id() .. ':' .. seq or ", wrong: "",
            configuration: "recovery"),
        Fault(
            name: "garbage that was named again is forgotten",
            right: "if redis.call('ZSCORE', GARBAGE, member) == ARGV[i + 1] then", wrong: "if true then",
            configuration: "garbage"),
        Fault(
            name: "a beat that keeps the suspicion", right: "redis.call('HDEL', task_key(id), 'suspect')", wrong: "",
            configuration: "recovery"),
        Fault(
            name: "a status that speaks of staged data where there is none",
            right: "if status == 'uploading' and not image.stage then status = 'queued' end", wrong: "",
            configuration: "uploads"),
        Fault(
            name: "a lease that is not the last beat and the lease",
            right: "redis.call('ZADD', LEASES, NOW + lease, id)",
            wrong: "redis.call('ZADD', LEASES, NOW, id)", configuration: "failures"),
    ]

    @Test(arguments: faults)
    func `a fault in a script is noticed`(fault: Fault) async throws {
        try #require(Scripts.all.contains { $0.source.contains(fault.right) }, "the script has changed: \(fault.right)")
        let configuration = try #require(Configuration.conformance.first { $0.name == fault.configuration })
        let graph = configuration.graph
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                let redis = RealRedis(client, configuration) {
                    $0.replacingOccurrences(of: fault.right, with: fault.wrong)
                }
                // The small ones as a whole: a fifth of them may miss the one call that shows the fault.
                let isSmall = ["recovery", "garbage"].contains(configuration.name)
                var walk = Walk(graph, redis, share: isSmall ? 1 : 0.2)
                try await walk.run()
                #expect(!walk.mismatches.isEmpty)
            }
        }
    }

    @Test func `states are packed alike only where they are alike`() throws {
        for configuration in Configuration.conformance where ["failures", "garbage"].contains(configuration.name) {
            var states: Set<State> = []
            let report = Explorer(Model(configuration)).run { _, state, _ in states.insert(state) }
            #expect(states.count == report.states)
            #expect(report.violations.isEmpty)
        }
    }
}
