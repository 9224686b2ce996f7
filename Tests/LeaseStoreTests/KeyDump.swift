import RedisClient

/// Everything that a Redis holds, but for the figures and the events, which nothing decides by.
struct KeyDump {
    private let values: [String: String]

    init(_ client: RedisClient) async throws {
        let keys = (try await client.send("KEYS", "*").array ?? []).compactMap(\.string)
            .filter { !$0.hasSuffix("}:stats") && !$0.hasSuffix("}:events") }.sorted()
        let types = try await client.pipeline(keys.map { RedisCommand("TYPE", $0) }).map { $0.string ?? "" }
        let contents = try await client.pipeline(
            zip(keys, types).map { key, type in
                switch type {
                case "hash": RedisCommand("HGETALL", key)
                case "zset": RedisCommand("ZRANGE", key, 0, -1, "WITHSCORES")
                case "set": RedisCommand("SMEMBERS", key)
                case "list": RedisCommand("LRANGE", key, 0, -1)
                default: RedisCommand("GET", key)
                }
            })
        var values: [String: String] = [:]
        for (index, key) in keys.enumerated() {
            // Fields of a hash and members of a set have no order of their own.
            values[key] =
                switch types[index] {
                case "hash": "\((contents[index].hash() ?? [:]).sorted { $0.key < $1.key })"
                case "set": "\((contents[index].array ?? []).compactMap(\.string).sorted())"
                case "string": contents[index].string ?? ""
                default: "\((contents[index].array ?? []).map { $0.string ?? "" })"
                }
        }
        self.values = values
    }

    /// The keys that differ, with what they were and what they are.
    func differences(from before: KeyDump) -> [String] {
        Set(values.keys).union(before.values.keys).sorted().filter { values[$0] != before.values[$0] }
            .map { "\($0): \(before.values[$0] ?? "nothing") → \(values[$0] ?? "nothing")" }
    }
}
