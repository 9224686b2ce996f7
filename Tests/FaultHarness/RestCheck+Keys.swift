import RedisClient
import TestSupport

extension RestCheck {
    /// What is wrong with the keys as they are in this moment (L1, L2, Q1, Q2, Q4): it need not be a moment of rest.
    package func invariants() async throws -> [String] {
        let reply = try await withClient(fleet.primary) { redis in
            try await redis.run(KeyInvariants.script, keys: ["{longshore}:control"], arguments: [])
        }
        guard let problems = reply.array?.first?.array else { return ["the invariants could not be read: \(reply)"] }
        return problems.compactMap(\.string)
    }

    /// Every active image names what the one task wrote that was published, under the nonce that it had (O1, L4).
    package func publications() async throws -> [String] {
        var problems: [String] = []
        let names = try await keys("image:*").filter { $0.split(separator: ":").count == 3 }
        let images = try await fleet.ask(names.map { RedisCommand("HMGET", $0, "status", "loc:main") })
        for (name, reply) in zip(names, images) {
            guard let image = reply.array, image[0].string == "active" else { continue }
            let tasks = try await fleet.ask(RedisCommand("ZRANGE", "\(name):tasks", 0, -1)).array ?? []
            let nonce = image[1].string?.split(separator: "/").last.map(String.init) ?? "none"
            var published: [String] = []
            for task in tasks.compactMap(\.string) {
                let fields = try await fleet.ask([
                    RedisCommand("HMGET", "{longshore}:task:\(task)", "state", "nonce"),
                    RedisCommand("GET", "{longshore}:claim:\(nonce)"),
                ])
                guard let values = fields[0].array, values[0].string == "success" else { continue }
                if values[1].string == nonce { published.append(task) }
                if values[1].string == nonce, let claimed = fields[1].string, claimed != task {
                    problems.append("\(name) was published by \(task), and its nonce was given to \(claimed)")
                }
            }
            // Tasks are forgotten after a while; then there is nothing to compare.
            if published.count != 1, !tasks.isEmpty {
                problems.append("\(name) names the nonce \(nonce), which \(published.count) successful tasks had")
            }
        }
        return problems
    }

    func keys(_ pattern: String) async throws -> [String] {
        let reply = try await fleet.ask(RedisCommand("KEYS", "{longshore}:\(pattern)"))
        guard let keys = reply.array else { throw ServiceFailure("Redis does not show the keys \(pattern): \(reply)") }
        return keys.compactMap(\.string)
    }
}
