import Foundation
@testable import ProtocolModel
import RedisClient
import Testing
import TestSupport

/// The scripts on a server at its memory limit: those that add work are refused and change nothing, and all others do
/// what the model says.
@Suite struct FullServerTests {
    @Test(arguments: Configuration.conformance.map(\.name))
    func `a full server refuses what adds work, and does everything else as the model says`(name: String) async throws {
        let configuration = try #require(Configuration.conformance.first { $0.name == name })
        let graph = configuration.graph
        let isWhole = ProcessInfo.processInfo.environment["LONGSHORE_CONFORMANCE"] == "all"
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                let redis = RealRedis(client, configuration)
                let trials = try await Trial.sample(graph, redis, share: isWhole ? 1 : configuration.share / 4)
                var (refused, done) = (0, 0)
                for trial in trials {
                    // The least limit there is: every server is beyond it.
                    let outcome = try await redis.run([trial.operation], from: trial.snapshot, memory: 1)[0]
                    var expected = trial.node
                    if trial.script.addsWork {
                        refused += 1
                        guard case .error(let error) = outcome.raw, error.code == .oom else {
                            Issue.record("\(trial.operation) answers \(outcome.raw)")
                            continue
                        }
                    } else {
                        done += 1
                        let reply = ScriptModel(configuration).run(trial.operation, on: &expected)
                        #expect(outcome.reply == reply, "\(trial.operation) answers \(outcome.raw) in \(trial.node)")
                    }
                    #expect(outcome.projection.faults == [], "after \(trial.operation)")
                    #expect(outcome.projection.redis == expected.asRedisTells, "after \(trial.operation)")
                }
                print("full server \(name): \(refused) calls refused, \(done) calls compared")
                #expect(refused > 0 && done > 0)
            }
        }
    }
}

extension RedisScript {
    /// Its own first line says so: it has to be run though memory is short, or writes nothing.
    fileprivate var addsWork: Bool {
        let flags = source.prefix { $0 != "\n" }
        return !flags.contains("allow-oom") && !flags.contains("no-writes")
    }
}
