import Foundation
import Testing
import TestSupport

@testable import RedisClient

@Suite struct RedisRefusalTests {
    @Test("a server that is full answers with oom")
    func oom() async throws {
        try await withRedis(["--maxmemory", "1", "--maxmemory-policy", "noeviction"]) { server in
            try await withClient(server.configuration) { client in
                await expectRefused(.oom) { try await client.send("SET", "k", 1) }
                let script = RedisScript(name: "s", source: "return redis.call('SET', KEYS[1], 1)")
                await expectRefused(.oom) { try await client.run(script, keys: ["k"], arguments: []) }
            }
        }
    }

    @Test("a replica answers readonly, and the connection is made anew for it")
    func readonly() async throws {
        try await withRedis(["--replicaof", "127.0.0.1 1"]) { server in
            var configuration = server.configuration
            configuration.connections = 1
            try await withClient(configuration) { client in
                let before = try await client.send("CLIENT", "ID").int
                await expectRefused(.readonly) { try await client.send("SET", "k", 1) }
                try await eventually { try await client.send("CLIENT", "ID").int != before }
                try await client.send("REPLICAOF", "NO", "ONE")
                #expect(try await client.send("SET", "k", 1) == .simple("OK"))
            }
        }
    }

    @Test("a server in the grip of a script answers busy")
    func busy() async throws {
        try await withRedis(["--busy-reply-threshold", "10"]) { server in
            var configuration = server.configuration
            configuration.connections = 1
            try await withClient(configuration) { client in
                // While the script runs, the server lets nobody in.
                try await client.send("PING")
                let script = Task {
                    try await client.sendBlocking(RedisCommand("EVAL", "while true do end", 0), timeout: .seconds(60))
                }
                try await eventually {
                    do {
                        try await client.send("PING")
                        return false
                    } catch RedisError.refused(let error) {
                        return error.code == .busy && error.isTransient
                    }
                }
                try await client.send("SCRIPT", "KILL")
                await #expect(throws: RedisError.self) { try await script.value }
            }
        }
    }

    @Test(
        "answers that are hard to bring about are told apart, too",
        arguments: [
            ("LOADING Redis is loading the dataset in memory", RedisServerError.Code.loading),
            ("MISCONF Redis is configured to save RDB snapshots", .misconf), ("NOREPLICAS Not enough", .noreplicas),
        ])
    func scripted(message: String, code: RedisServerError.Code) async throws {
        try await ScriptedServer.with { _ in
            .reply("-\(message)\r\n")
        } _: { server in
            try await withClient(server.configuration) { client in
                await expectRefused(code) { try await client.send("SET", "k", 1) }
            }
        }
    }

    @Test("a user with the right password is let in, and with a wrong one is told so")
    func passwords() async throws {
        try await withRedis(["--requirepass", "default-pw", "--user", "me", "on", ">my-pw", "~*", "+@all"]) { server in
            var configuration = server.configuration
            configuration.connectTimeout = .seconds(2)
            for (user, password) in [(nil, "default-pw"), ("me", "my-pw")] as [(String?, String)] {
                configuration.username = user
                configuration.password = password
                try await withClient(configuration) { client in
                    let name = try await client.send("ACL", "WHOAMI").string
                    #expect(name == user ?? "default")
                }
            }
            configuration.password = "hunter2"
            try await withClient(configuration) { client in
                await expectNotSent("WRONGPASS") { try await client.send("PING") }
                let error = await #expect(throws: RedisError.self) { try await client.withConnection { _ in } }
                #expect("\(error as Any)".contains("hunter2") == false)
            }
            configuration.password = nil
            try await withClient(configuration) { client in
                await expectNotSent("NOAUTH") { try await client.send("PING") }
            }
        }
    }

    @Test("a user without the right to name its connection is let in all the same")
    func restrictedUser() async throws {
        try await withRedis(["--user", "me", "on", ">pw", "~*", "+get"]) { server in
            var configuration = server.configuration
            (configuration.username, configuration.password) = ("me", "pw")
            try await withClient(configuration) { client in
                let value = try await client.send("GET", "k")
                #expect(value.isNull)
                await expectRefused(.noperm) { try await client.send("SET", "k", 1) }
            }
        }
    }
}

/// Expects that the server refuses with `code`.
private func expectRefused(
    _ code: RedisServerError.Code, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> some Any
) async {
    let error = await #expect(throws: RedisError.self, sourceLocation: sourceLocation) { _ = try await body() }
    guard case .refused(let error)? = error else {
        Issue.record("not refused: \(String(describing: error))", sourceLocation: sourceLocation)
        return
    }
    #expect(error.code == code, sourceLocation: sourceLocation)
}
