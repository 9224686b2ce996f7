/// What `MONITOR` tells of the commands inside scripts, and whether each script kept the order: touch every key that
/// will be written, then write. In a slot that is being moved the server refuses the first command on a key that is
/// not there any more, and that must happen before anything was changed.
struct ScriptTrace {
    private(set) var scripts = 0
    private(set) var writes = 0
    private(set) var problems: [String] = []

    private static let writing: Set = [
        "HSET", "HDEL", "HINCRBY", "SET", "DEL", "ZADD", "ZREM", "ZREMRANGEBYSCORE", "SADD", "SREM", "LPUSH", "RPUSH",
        "LTRIM", "XADD", "PEXPIRE",
    ]
    private static let keyless: Set = ["TIME", "INFO", "KEYS"]

    init(_ log: String) {
        var commands: [[String]] = []
        for line in log.split(separator: "\n") {
            let words = line.matches(of: /"((?:[^"\\]|\\.)*)"/).map { String($0.1) }
            if line.contains(" lua] ") {
                commands.append(words)
            } else if !commands.isEmpty {
                examine(commands)
                commands = []
            }
        }
        if !commands.isEmpty { examine(commands) }
    }

    private mutating func examine(_ commands: [[String]]) {
        scripts += 1
        // Two scripts are made of several steps, each of them whole: promotion and claim, and the audit of each task.
        let hasSteps = commands.contains {
            $0[0] == "ZSCAN" || ($0[0] == "ZRANGEBYSCORE" && $0[1].hasSuffix(":delayed"))
        }
        var touched: Set<String> = []
        var hasWritten = false
        for command in commands where !Self.keyless.contains(command[0]) {
            let keys = command[0] == "EXISTS" || command[0] == "DEL" ? Array(command.dropFirst()) : [command[1]]
            for key in keys where !key.hasPrefix("{test}:") { problems.append("another slot: \(command)") }
            if Self.writing.contains(command[0]) {
                writes += 1
                hasWritten = true
                for key in keys where !touched.contains(key) { problems.append("not touched: \(command)") }
            } else if !hasWritten || hasSteps {
                touched.formUnion(keys)
            }
        }
    }
}
