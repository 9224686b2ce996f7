import Foundation
import Synchronization
import Testing
import TestSupport

@testable import RedisClient

@Suite struct RedisFaultTests {
    @Test("a client finds its server again after a kill and a restart")
    func restart() async throws {
        try await withRedis(["--appendonly", "yes", "--appendfsync", "always"]) { server in
            try await withClient(server.configuration) { client in
                for round in 1...3 as ClosedRange<Int64> {
                    #expect(try await client.send("INCR", "n").int == round)
                    _ = try await client.withConnection { try await $0.send("PING") }
                    server.kill()
                    try await server.restart()
                    // The first command may still meet the dead connection, and is then in doubt; it only reads.
                    try await eventually {
                        do { return try await client.send("GET", "n").int == round } catch is RedisError {
                            return false
                        }
                    }
                }
            }
        }
    }

    @Test("commands that wait for the server go through once it is there")
    func waitForServer() async throws {
        try await withRedis { server in
            server.kill()
            try await withClient(server.configuration) { client in
                async let reply = client.send("PING")
                async let other = client.withConnection { try await $0.send("PING") }
                try await server.restart()
                #expect(try await reply == .simple("PONG"))
                #expect(try await other == .simple("PONG"))
            }
        }
    }

    @Test("with nobody there a command was not sent, and the reason says why")
    func nobodyThere() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // left over at worst
        let socket = folder.appendingPathComponent("none").path
        var configuration = RedisConfiguration(endpoint: .unixSocket(path: socket))
        configuration.connectTimeout = .seconds(1)
        try await withClient(configuration) { client in
            await expectNotSent("cannot connect to unix:\(socket)") { try await client.send("PING") }
            await expectNotSent("No such file") { try await client.withConnection { _ in } }
            let script = RedisScript(name: "s", source: "return 1")
            await expectNotSent("No such file") { try await client.run(script, keys: [], arguments: []) }
        }
        configuration.endpoint = .tcp(host: "127.0.0.1", port: 1)
        try await withClient(configuration) { client in
            await expectNotSent("refused") { try await client.send("PING") }
        }
    }

    @Test("a task that waits for a connection can be cancelled")
    func cancelWaiting() async throws {
        let socket = "/nonexistent/socket"
        var configuration = RedisConfiguration(endpoint: .unixSocket(path: socket))
        configuration.connectTimeout = .seconds(60)
        try await withClient(configuration) { client in
            let command = Task { try await client.send("PING") }
            let lent = Task { try await client.withConnection { try await $0.send("PING") } }
            command.cancel()
            lent.cancel()
            await #expect(throws: CancellationError.self) { try await command.value }
            await #expect(throws: CancellationError.self) { try await lent.value }
        }
    }

    @Test("a command that is not answered in time is in doubt, and so are those behind it")
    func timeout() async throws {
        try await ScriptedServer.with { words in
            words == ["HANG"] ? .silence : .reply("+\(words.joined())\r\n")
        } _: { server in
            var configuration = server.configuration
            configuration.connections = 1
            configuration.commandTimeout = .seconds(1)
            try await withClient(configuration) { (client) async throws in
                #expect(try await client.send("A") == .simple("A"))
                let behind = Task { try await client.pipeline([RedisCommand("HANG"), RedisCommand("HANG")]) }
                await expectInDoubt("in time") { try await client.send("HANG") }
                await expectInDoubt("in time") { try await behind.value }
                #expect(try await client.send("B") == .simple("B"))
            }
        }
    }

    @Test("a server that hangs leaves its commands in doubt, and is used again later")
    func hang() async throws {
        try await withRedis { server in
            var configuration = server.configuration
            configuration.commandTimeout = .seconds(1)
            configuration.connectTimeout = .seconds(2)
            try await withClient(configuration) { client in
                try await client.send("PING")
                server.suspend()
                await expectInDoubt("in time") { try await client.send("PING") }
                server.resume()
                try await eventually {
                    do { return try await client.send("PING") == .simple("PONG") } catch is RedisError { return false }
                }
            }
        }
    }

    @Test(
        "a peer that breaks off or breaks the protocol leaves the command in doubt",
        arguments: [
            "", "$10\r\nhalf", "*2\r\n:1\r\n", "*2000000000\r\n", "$9999999999\r\n", "garbage\r\n", "+OK\r\n+more\r\n",
            "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
        ])
    func brokenPeer(reply: String) async throws {
        try await ScriptedServer.with { words in
            words == ["PING"] ? .reply("+PONG\r\n") : .replyAndClose(reply)
        } _: { server in
            try await withClient(server.configuration) { (client) async throws in
                if reply.hasPrefix("+OK") {
                    // The answer is right, what follows it is not: the connection is not used any more.
                    #expect(try await client.send("BREAK") == .simple("OK"))
                } else {
                    await expectInDoubt("") { try await client.send("BREAK") }
                    await expectInDoubt("") {
                        try await client.pipeline([RedisCommand("PING"), RedisCommand("BREAK")])
                    }
                }
                #expect(try await client.send("PING") == .simple("PONG"))
            }
        }
    }

    @Test("a reply above the limit ends its connection")
    func largeReply() async throws {
        try await withRedis { server in
            var configuration = server.configuration
            configuration.maxReplyBytes = 10_000
            try await withClient(configuration) { client in
                try await client.send("SET", "k", [UInt8](repeating: 1, count: 20_000))
                await expectInDoubt("10000 bytes") { try await client.send("GET", "k") }
                #expect(try await client.send("PING") == .simple("PONG"))
            }
        }
    }

    @Test("a script that ran by EVAL after NOSCRIPT runs once only")
    func noscriptOnce() async throws {
        let calls = Mutex<[String]>([])
        try await ScriptedServer.with { words in
            calls.withLock { $0.append(words[0]) }
            return .reply(words[0] == "SCRIPT" ? "$2\r\nab\r\n" : "-NOSCRIPT No matching script.\r\n")
        } _: { server in
            try await withClient(server.configuration) { client in
                let script = RedisScript(name: "s", source: "return 1")
                let error = await #expect(throws: RedisError.self) {
                    try await client.run(script, keys: [], arguments: [])
                }
                #expect(error == .refused(RedisServerError(message: "NOSCRIPT No matching script.")))
                #expect(calls.withLock { $0 } == ["SCRIPT", "EVALSHA", "EVAL"])
            }
        }
    }

    @Test("a script whose loading is in doubt was not sent")
    func loadInDoubt() async throws {
        try await ScriptedServer.with { _ in
            .close
        } _: { server in
            try await withClient(server.configuration) { client in
                let script = RedisScript(name: "s", source: "return 1")
                await expectNotSent("closed") { try await client.run(script, keys: [], arguments: []) }
            }
        }
    }
}

/// Expects a failure in doubt, with a reason that holds `text`.
func expectInDoubt(
    _ text: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> some Any
) async {
    let error = await #expect(throws: RedisError.self, sourceLocation: sourceLocation) { _ = try await body() }
    guard case .inDoubt(let reason)? = error else {
        Issue.record("not a failure in doubt: \(String(describing: error))", sourceLocation: sourceLocation)
        return
    }
    #expect(text.isEmpty || reason.contains(text), "\(reason)", sourceLocation: sourceLocation)
}
