import Foundation
@testable import ProtocolModel
import RedisClient
import Testing
import TestSupport

import struct Logging.Logger

/// Walks the model's graph on the real scripts: every state that Redis can be in, every call from there.
///
/// `LONGSHORE_CONFORMANCE=all` walks all edges; otherwise as many as fit into a short run, chosen with a fixed seed.
@Suite(.serialized) struct ConformanceTests {
    @Test(arguments: Configuration.conformance.map(\.name))
    func `every call is answered, and leaves the keys, as the model says`(name: String) async throws {
        let configuration = try #require(Configuration.conformance.first { $0.name == name })
        let graph = configuration.graph
        let isWhole = ProcessInfo.processInfo.environment["LONGSHORE_CONFORMANCE"] == "all"
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                var walk = Walk(graph, RealRedis(client, configuration), share: isWhole ? 1 : configuration.share)
                try await walk.run()
                print(
                    "conformance \(name): \(graph.modelStates) states and \(graph.modelEdges) edges of the model;",
                    "\(graph.nodes.count) states of Redis, \(walk.edges) calls and \(walk.probes) probes compared,",
                    "\(walk.mismatches.count) differ")
                #expect(walk.mismatches.isEmpty, "\(walk.mismatches.prefix(3).joined(separator: "\n\n"))")
                #expect(walk.isComplete || !isWhole)
            }
        }
    }
}
