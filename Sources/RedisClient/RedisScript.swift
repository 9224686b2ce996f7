import Synchronization

/// A Lua script; make each one once and keep it, since its identity is what a client remembers it by.
package final class RedisScript: Sendable {
    package let name: String
    package let source: String

    package init(name: String, source: String) {
        self.name = name
        self.source = source
    }
}

/// The digests by which a client calls scripts, as told by the server.
final class ScriptDigests: Sendable {
    private let known = Mutex<[ObjectIdentifier: (script: RedisScript, digest: String)]>([:])

    func run(
        _ script: RedisScript, keys: [String], arguments: [any RedisArgument], on sender: some RedisSender
    ) async throws -> RedisValue {
        let rest: [any RedisArgument] = [keys.count] + keys + arguments
        do {
            let digest = try await digest(of: script, on: sender)
            return try await sender.send(RedisCommand("EVALSHA", arguments: [digest] + rest))
        } catch RedisError.refused(let error) where error.code == .noscript {
            // The server has lost its scripts by a restart, a failover or a flush: EVAL brings this one back.
            return try await sender.send(RedisCommand("EVAL", arguments: [script.source] + rest))
        }
    }

    private func digest(of script: RedisScript, on sender: some RedisSender) async throws -> String {
        let id = ObjectIdentifier(script)
        if let digest = known.withLock({ $0[id]?.digest }) { return digest }
        do {
            let reply = try await sender.send(RedisCommand("SCRIPT", "LOAD", script.source))
            guard let digest = reply.string else {
                throw RedisError.notSent(reason: "SCRIPT LOAD of \(script.name) was not answered with a digest")
            }
            // The script is kept with its digest, so that its identity cannot pass to another one.
            known.withLock { $0[id] = (script, digest) }
            return digest
        } catch RedisError.inDoubt(let reason) {
            // Only the loading is in doubt, and that does nothing that matters: the script itself was not called.
            throw RedisError.notSent(reason: reason)
        }
    }
}
