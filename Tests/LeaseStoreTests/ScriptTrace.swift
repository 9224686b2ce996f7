/// What `MONITOR` tells of the commands inside scripts: that each script asks first whether this node has the whole slot,
/// before it reads or writes anything, and that every key is of that slot.
struct ScriptTrace {
    private(set) var scripts = 0
    private(set) var commands = 0
    private(set) var problems: [String] = []

    private static let keyless: Set = ["TIME", "INFO", "KEYS"]

    init(_ log: String) {
        var script: [[String]] = []
        for line in log.split(separator: "\n") {
            let words = line.matches(of: /"((?:[^"\\]|\\.)*)"/).map { String($0.1) }
            if line.contains(" lua] ") {
                script.append(words)
            } else if !script.isEmpty {
                examine(script)
                script = []
            }
        }
        if !script.isEmpty { examine(script) }
    }

    private mutating func examine(_ script: [[String]]) {
        scripts += 1
        // What the tests themselves look for at the end.
        if script.contains(where: { $0[0] == "KEYS" }) { return }
        let withKeys = script.filter { !Self.keyless.contains($0[0]) }
        if withKeys.first != ["EXISTS", "{test}:control", "{test}:none"] {
            problems.append("did not ask first: \(script)")
        }
        for command in withKeys {
            commands += 1
            let keys = command[0] == "EXISTS" || command[0] == "DEL" ? Array(command.dropFirst()) : [command[1]]
            for key in keys where !key.hasPrefix("{test}:") { problems.append("another slot: \(command)") }
        }
    }
}
