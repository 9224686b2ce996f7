import Foundation
import Testing
import TestSupport

@testable import RedisClient

private func bytes(_ text: String) -> RedisValue { .string(Array(text.utf8)) }

@Suite struct RedisClientTests {
    @Test("commands are answered with values of every type")
    func commands() async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { (client) async throws in
                #expect(try await client.send("PING") == .simple("PONG"))
                #expect(try await client.send("SET", "k", [0, 13, 10, 255]) == .simple("OK"))
                #expect(try await client.send("GET", "k") == .string([0, 13, 10, 255]))
                #expect(try await client.send("GET", "none").isNull)
                #expect(try await client.send("INCRBY", "n", Int64.max).int == .max)
                #expect(try await client.send(RedisCommand("HSET", arguments: ["h", "a", "1", "b", 2])).int == 2)
                #expect(try await client.send("HGETALL", "h").hash() == ["a": "1", "b": "2"])
                #expect(try await client.send("CLIENT", "GETNAME").string == "longshore")
                let error = await #expect(throws: RedisError.self) { try await client.send("INCR", "k") }
                #expect(error == .refused(RedisServerError(message: "ERR value is not an integer or out of range")))
            }
        }
    }

    @Test("a value of a megabyte comes back as it went")
    func large() async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                let value = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                try await client.send("SET", "big", value)
                let replies = try await client.pipeline(Array(repeating: RedisCommand("GET", "big"), count: 5))
                #expect(replies == Array(repeating: .string(value), count: 5))
            }
        }
    }

    @Test("a pipeline answers in order, with errors in their places")
    func pipeline() async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                let replies = try await client.pipeline([
                    RedisCommand("SET", "a", "x"), RedisCommand("INCR", "a"), RedisCommand("GET", "a"),
                ])
                #expect(replies.count == 3)
                #expect(replies[0] == .simple("OK"))
                if case .error(let error) = replies[1] { #expect(error.code == .other("ERR")) }
                #expect(replies[2] == bytes("x"))
                #expect(try await client.pipeline([]) == [])
                let many = try await client.pipeline((0..<10_000).map { RedisCommand("ECHO", $0) })
                #expect(many.map(\.int) == (0..<10_000).map { Int64($0) })
            }
        }
    }

    @Test("a script runs by its digest, also after the server has forgotten it")
    func scripts() async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                let script = RedisScript(name: "t", source: "return {redis.call('INCR', KEYS[1]), ARGV[1]}")
                for round in 1...4 as ClosedRange<Int64> {
                    if round == 3 { try await client.send("SCRIPT", "FLUSH") }
                    let reply = try await client.run(script, keys: ["n"], arguments: ["é"])
                    #expect(reply == .array([.integer(round), bytes("é")]))
                }
                let statistics = try await client.send("INFO", "commandstats").string ?? ""
                #expect(statistics.contains("cmdstat_eval:calls=1,"))
                #expect(statistics.contains("cmdstat_evalsha:calls=4,"))
                let broken = RedisScript(name: "broken", source: "return }")
                await #expect(throws: RedisError.self) { try await client.run(broken, keys: [], arguments: []) }
                try await client.withConnection { (connection) async throws in
                    #expect(try await connection.run(script, keys: ["n"], arguments: [1]).array?.first == .integer(5))
                    #expect(try await connection.send("WAIT", 0, 100).int == 0)
                }
            }
        }
    }

    @Test("ordinary commands do not wait behind blocking ones")
    func blocking() async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                try await withThrowingTaskGroup(of: RedisValue.self) { group in
                    for index in 0..<10 {
                        group.addTask {
                            try await client.sendBlocking(RedisCommand("BLPOP", "q\(index)", 60), timeout: .seconds(70))
                        }
                    }
                    try await eventually { try await blockedClients(client) == 10 }
                    for index in 0..<10 { try await client.send("RPUSH", "q\(index)", "v\(index)") }
                    var seen: Set<String> = []
                    for try await value in group { seen.insert(value.array?.last?.string ?? "") }
                    #expect(seen == Set((0..<10).map { "v\($0)" }))
                }
                let none = try await client.sendBlocking(RedisCommand("BLPOP", "q", "0.01"), timeout: .seconds(5))
                #expect(none.isNull)
            }
        }
    }

    @Test("a cancelled blocking command frees its connection and its room")
    func cancelBlocking() async throws {
        try await withRedis { server in
            var configuration = server.configuration
            configuration.maxBlockingConnections = 1
            try await withClient(configuration) { client in
                for _ in 1...3 {
                    let task = Task {
                        try await client.sendBlocking(RedisCommand("BLPOP", "q", 0), timeout: .seconds(60))
                    }
                    try await eventually { try await blockedClients(client) == 1 }
                    task.cancel()
                    await #expect(throws: CancellationError.self) { try await task.value }
                    try await eventually { try await blockedClients(client) == 0 }
                }
                #expect(try await client.withConnection { try await $0.send("PING") } == .simple("PONG"))
            }
        }
    }

    @Test("connections for blocking commands are bounded, and idle ones are used again")
    func bounded() async throws {
        try await withRedis { server in
            var configuration = server.configuration
            configuration.maxBlockingConnections = 1
            configuration.connectTimeout = .seconds(3)
            try await withClient(configuration) { client in
                let first = try await client.withConnection { connection in
                    let error = await #expect(throws: RedisError.self) { try await client.withConnection { _ in } }
                    #expect("\(error as Any)".contains("all 1 connections"))
                    return try await connection.send("CLIENT", "ID").int
                }
                #expect(try await client.withConnection { try await $0.send("CLIENT", "ID").int } == first)
                // What fails in the middle of something is not lent again.
                await #expect(throws: RedisError.self) {
                    try await client.withConnection { connection in
                        try await connection.send("MULTI")
                        try await connection.send("NONSENSE")
                    }
                }
                #expect(try await client.withConnection { try await $0.send("CLIENT", "ID").int } != first)
            }
        }
    }

    @Test("a thousand tasks share two connections, and each gets its own answers")
    func concurrency() async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for task in 0..<1000 {
                        group.addTask {
                            for round in 0..<10 {
                                let text = "\(task)-\(round)"
                                let reply = try await client.send("ECHO", text)
                                #expect(reply.string == text)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                // Those that the start of the server was watched by may take a moment to go.
                try await eventually {
                    let clients = try await client.send("CLIENT", "LIST").string ?? ""
                    return clients.split(separator: "\n").count == 2
                }
            }
        }
    }

    @Test("a database is selected on every connection")
    func database() async throws {
        try await withRedis { server in
            var configuration = server.configuration
            configuration.database = 3
            try await withClient(configuration) { client in
                try await client.send("SET", "k", 1)
                #expect(try await client.withConnection { try await $0.send("GET", "k").int } == 1)
                #expect(try await client.send("INFO", "keyspace").string?.contains("db3:keys=1") == true)
            }
            configuration.database = 99
            configuration.connectTimeout = .seconds(2)
            try await withClient(configuration) { client in
                await expectNotSent("SELECT") { try await client.send("PING") }
            }
        }
    }

    @Test("a closed client fails what waits and what comes, and closing twice does nothing")
    func close() async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                let blocked = Task {
                    try await client.sendBlocking(RedisCommand("BLPOP", "q", 0), timeout: .seconds(60))
                }
                try await eventually { try await blockedClients(client) == 1 }
                await client.close()
                await client.close()
                let error = await #expect(throws: RedisError.self) { try await blocked.value }
                #expect(error == .inDoubt(reason: "the client was closed"))
                await expectNotSent("closed") { try await client.send("PING") }
                await expectNotSent("closed") { try await client.withConnection { _ in } }
            }
        }
    }

    @Test("a cancelled task sends nothing")
    func cancelled() async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { client in
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    try await client.send("SET", "k", 1)
                }
                await #expect(throws: CancellationError.self) { try await task.value }
                let count = try await client.send("EXISTS", "k")
                #expect(count.int == 0)
            }
        }
    }
}

func blockedClients(_ client: RedisClient) async throws -> Int {
    let text = try await client.send("INFO", "clients").string ?? ""
    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("blocked_clients:") }
    return line.flatMap { Int($0.dropFirst("blocked_clients:".count)) } ?? -1
}

/// Expects a failure as not sent, with a reason that holds `text`.
func expectNotSent(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> some Any
) async {
    let error = await #expect(throws: RedisError.self, sourceLocation: sourceLocation) { _ = try await body() }
    guard case .notSent(let reason)? = error else {
        Issue.record("not a failure as not sent: \(String(describing: error))", sourceLocation: sourceLocation)
        return
    }
    #expect(text.isEmpty || reason.contains(text), "\(reason)", sourceLocation: sourceLocation)
}
