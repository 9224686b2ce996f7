import Foundation
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
        for (name, record) in try await activeImages() {
            let tasks = try await tasks(of: name)
            let nonce = Self.nonce(record["loc:main"])
            var published: [String] = []
            let claimed = try await fleet.ask(RedisCommand("GET", "{longshore}:claim:\(nonce)")).string
            for (task, fields) in tasks where fields["state"] == "success" {
                // In a bucket the upload of another attempt at the task may have been completed.
                let isHanded = !(stores["main"] is StoreFolder) && claimed == task
                guard fields["nonce"] == nonce || isHanded else { continue }
                published.append(task)
                if let claimed, claimed != task {
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

    /// What copies have located is their images', written by one of their own attempts, and one that succeeded has
    /// located what it had to (C1). Other stores than `main` have the bytes of a copy, or those of the import.
    func copies() async throws -> [String] {
        var problems: [String] = []
        for (name, record) in try await activeImages() {
            let tasks = try await tasks(of: name)
            guard !tasks.isEmpty else { continue }
            var located: [String: String] = [:]
            for (task, fields) in tasks where fields["prior_status"] == "active" {
                let filled = (fields["located"] ?? "").split(separator: ",").map(String.init)
                for store in filled {
                    if let other = located[store] { problems.append("\(task) and \(other) have both filled \(store)") }
                    if record["loc:\(store)"] == nil { problems.append("\(name) lost \(store), which \(task) filled") }
                    located[store] = task
                }
                let input = try JSONDecoder().decode(CopyInput.self, from: Data((fields["input"] ?? "").utf8))
                let isDone = input.must == false ? !filled.isEmpty : filled.count == input.stores.count
                if fields["state"] == "success", !isDone {
                    problems.append("the copy \(task) to \(input.stores) succeeded with \(filled)")
                }
            }
            for (store, key) in Self.locations(record) where key != record["loc:main"] {
                let claimed = try await fleet.ask(RedisCommand("GET", "{longshore}:claim:\(Self.nonce(key))")).string
                // An import that was continued went on with what an attempt before it had begun, and copied it in `main`.
                let isImport = tasks.contains { task, fields in
                    task == claimed && fields["prior_status"] != "active" && fields["state"] == "success"
                }
                if isImport { continue }
                if located[store] == nil || claimed != located[store] {
                    problems.append(
                        "\(name) has \(key) in \(store), of the task \(claimed ?? "none"); "
                            + "\(located[store] ?? "nobody") has filled it")
                }
            }
        }
        return problems
    }

    private struct CopyInput: Decodable {
        let stores: [String]
        let must: Bool?
    }

    private static func nonce(_ key: String?) -> String { key?.split(separator: "/").last.map(String.init) ?? "none" }

    private func activeImages() async throws -> [(name: String, record: [String: String])] {
        let names = try await keys("image:*").filter { $0.split(separator: ":").count == 3 }
        let records = try await fleet.ask(names.map { RedisCommand("HGETALL", $0) })
        return zip(names, records).map { ($0, $1.hash() ?? [:]) }.filter { $0.1["status"] == "active" }
    }

    private func tasks(of image: String) async throws -> [(task: String, fields: [String: String])] {
        let ids = try await fleet.ask(RedisCommand("ZRANGE", "\(image):tasks", 0, -1)).array?.compactMap(\.string) ?? []
        let records = try await fleet.ask(ids.map { RedisCommand("HGETALL", "{longshore}:task:\($0)") })
        return zip(ids, records).map { ($0, $1.hash() ?? [:]) }
    }

    func keys(_ pattern: String) async throws -> [String] {
        let reply = try await fleet.ask(RedisCommand("KEYS", "{longshore}:\(pattern)"))
        guard let keys = reply.array else { throw ServiceFailure("Redis does not show the keys \(pattern): \(reply)") }
        return keys.compactMap(\.string)
    }
}
