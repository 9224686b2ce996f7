import FaultProxy
import Foundation
import RedisClient
import Testing
import TestSupport

@Suite struct TransparencyTests {
    @Test("pipelines, large values and blocking commands pass as they are", arguments: [false, true])
    func transparent(overTCP: Bool) async throws {
        try await Rig.run(overTCP: overTCP) { (rig) async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<8 {
                    group.addTask {
                        for number in 0..<50 {
                            let key = "\(task)"
                            let replies = try await rig.client.pipeline([
                                RedisCommand("SET", key, number), RedisCommand("GET", key), RedisCommand("NO"),
                                RedisCommand("LRANGE", "none", 0, -1),
                            ])
                            #expect(replies[1].int == Int64(number))
                            guard case .error = replies[2] else {
                                Issue.record("\(replies)")
                                return
                            }
                            #expect(replies[3] == .array([]))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let large = [UInt8](repeating: 0x0a, count: 9 << 20)
            try await rig.client.send("SET", "large", large)
            #expect(try await rig.direct.send("GET", "large").bytes == large)
            #expect(try await rig.client.send("GET", "large").bytes == large)

            async let popped = rig.client.sendBlocking(RedisCommand("BLPOP", "list", "0"), timeout: .seconds(20))
            try await eventually {
                try await rig.direct.send("INFO", "clients").string?.contains("blocked_clients:1") == true
            }
            #expect(try await rig.client.send("RPUSH", "list", "x").int == 1)
            #expect(try await popped == .array([.string(Array("list".utf8)), .string(Array("x".utf8))]))
            #expect(rig.proxy.tally.total == 0)
        }
    }

    @Test("a blocked command ends with its client, and with its server")
    func blocking() async throws {
        try await Rig.run { (rig) async throws in
            func block() -> Task<RedisValue, any Error> {
                Task { try await rig.client.sendBlocking(RedisCommand("BLPOP", "l", "0"), timeout: .seconds(20)) }
            }
            func blocked(_ count: Int) async throws {
                try await eventually {
                    let info = try await rig.direct.send("INFO", "clients").string
                    return info?.contains("blocked_clients:\(count)\r") == true
                }
            }
            let first = block()
            try await blocked(1)
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            try await blocked(0)
            let second = block()
            try await blocked(1)
            rig.redis.kill()
            await #expect(throws: RedisError.self) { try await second.value }
            try await eventually { rig.proxy.connections == 0 }
        }
    }

    @Test("a subscriber hears what is published")
    func subscriber() async throws {
        try await Rig.run { (rig) async throws in
            rig.proxy.use([FaultRule(.cutBeforeRequest, of: ["SUBSCRIBE"])])
            let log = rig.redis.folder.appendingPathComponent("heard")
            let listener = try ServerProcess(
                "redis-cli", ["-s", rig.redis.folder.path + "/p", "SUBSCRIBE", "news"], log: log,
                folder: rig.redis.folder)
            defer { listener.kill() }
            try await eventually { try await rig.direct.send("PUBLISH", "news", "first").int == 1 }
            for number in 0..<20 { try await rig.direct.send("PUBLISH", "news", "number \(number)") }
            try await eventually {
                // Not yet made: nothing was heard.
                let heard = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
                return (0..<20).allSatisfy { heard.contains("number \($0)\n") }
            }
        }
    }

    @Test("scripts are known by the name in their last line, however they are called")
    func scripts() async throws {
        try await Rig.run { (rig) async throws in
            let script = RedisScript(name: "a", source: "return redis.call('INCR', 'n')\n-- count-up\n")
            let other = RedisScript(name: "b", source: "return redis.call('INCR', 'n')\n-- count-too\n")
            #expect(try await rig.client.run(script, keys: [], arguments: []).int == 1)
            #expect(try await rig.client.run(other, keys: [], arguments: []).int == 2)
            rig.proxy.use([FaultRule(.refuse(.busy), of: ["count-up"], limit: 1)])
            #expect(try await rig.client.run(other, keys: [], arguments: []).int == 3)
            await #expect(throws: RedisError.refused(RedisServerError(message: WireFault.Refusal.busy.rawValue))) {
                try await rig.client.run(script, keys: [], arguments: [])
            }
            // Called by its source.
            try await rig.direct.send("SCRIPT", "FLUSH")
            rig.proxy.use([FaultRule(.cutBeforeReply, of: ["count-up"])])
            await expectInDoubt { try await rig.client.run(script, keys: [], arguments: []) }
            #expect(try await rig.count == 3, "EVALSHA was lost with its answer, which was NOSCRIPT")
            rig.proxy.use([FaultRule(.refuse(.noscript), of: ["count-too"], limit: 1)])
            #expect(try await rig.client.run(other, keys: [], arguments: []).int == 4)
            #expect(rig.proxy.tally.count("refuse-noscript", of: "count-too") == 1)
            #expect(rig.proxy.answers(to: "count-too") >= 3)
        }
    }
}

/// Expects a failure after which nobody knows what has happened.
func expectInDoubt(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> some Any
) async {
    let error = await #expect(throws: RedisError.self, sourceLocation: sourceLocation) { _ = try await body() }
    guard case .inDoubt? = error else {
        Issue.record("not a failure in doubt: \(String(describing: error))", sourceLocation: sourceLocation)
        return
    }
}
