import Logging
@testable import ProtocolModel
import RedisClient

@testable import LeaseStore

/// A Redis that can be put into any state it has been in before, and told to make one step from there.
final class RealRedis {
    /// All keys as they were, byte for byte.
    struct Snapshot {
        fileprivate(set) var keys: [String]
        fileprivate var payloads: [[UInt8]]
        /// For calls whose arguments depend on what is in the record.
        var revisions: [Int]
        /// Which server's run its suspicions name.
        fileprivate(set) var runID: String
    }

    struct Outcome {
        var reply: ProtocolModel.Reply?
        /// The reply as it came, for messages.
        var raw: RedisValue
        var projection: Projection
        var snapshot: Snapshot
    }

    let client: RedisClient
    let configuration: Configuration
    private let alter: (String) -> String
    private var digests: [String: String] = [:]
    private(set) var runID = ""

    /// - Parameter alter: puts a fault into the scripts, to see that it is noticed.
    init(_ client: RedisClient, _ configuration: Configuration, alter: @escaping (String) -> String = { $0 }) {
        self.client = client
        self.configuration = configuration
        self.alter = alter
    }

    /// Empties the server, makes the images, and returns that as the first snapshot.
    func start() async throws -> Outcome {
        try await client.send("FLUSHALL")
        try await loadScripts()
        var commands = [command(Scripts.catalogOpen, ["1", "catalog", "172800000"])]
        for image in 0..<configuration.images {
            commands.append(
                command(
                    Scripts.imageCreate,
                    [Wire.image(image), "disk_format", Wire.format(0), "container_format", "bare"]))
        }
        let replies = try await client.pipeline(commands + [command(Self.dump, [])])
        return outcome(.restart, RedisValue.null, replies[replies.count - 1])
    }

    /// For a server whose state comes from elsewhere.
    func loadScripts() async throws {
        let information = try await client.send("INFO", "server").string ?? ""
        runID =
            information.split(separator: "\r\n").first { $0.hasPrefix("run_id:") }.map { String($0.dropFirst(7)) } ?? ""
        for script in Scripts.all {
            digests[script.name] = try await client.send("SCRIPT", "LOAD", alter(script.source)).string
        }
        for script in [Self.dump, Self.restore, Self.silence, Self.restart] {
            digests[script.name] = try await client.send("SCRIPT", "LOAD", script.source).string
        }
    }

    /// Makes each of the steps from the same state; a round trip for all.
    ///
    /// - Parameter memory: what the server may use while it makes the step, in bytes; 0 is without a limit.
    func run(_ operations: [Operation], from snapshot: Snapshot, memory: Int = 0) async throws -> [Outcome] {
        let restoration = restore(snapshot)
        var commands: [RedisCommand] = []
        for operation in operations {
            commands += [
                restoration, RedisCommand("CONFIG", "SET", "maxmemory", memory),
                command(operation, revisions: snapshot.revisions), RedisCommand("CONFIG", "SET", "maxmemory", 0),
                command(Self.dump, []),
            ]
        }
        let replies = try await client.pipeline(commands)
        return operations.indices.map { outcome(operations[$0], replies[5 * $0 + 2], replies[5 * $0 + 4]) }
    }

    private func outcome(_ operation: Operation, _ reply: RedisValue, _ dump: RedisValue) -> Outcome {
        let parts = dump.array ?? []
        let contents = parts.first?.array ?? []
        let payloads = parts.last?.array ?? []
        let projection = Projection(contents, configuration, runID: runID)
        let names = stride(from: 0, to: payloads.count - 1, by: 2).map { payloads[$0].string ?? "" }
        let bytes = stride(from: 0, to: payloads.count - 1, by: 2).map { payloads[$0 + 1].bytes ?? [] }
        return Outcome(
            reply: Answer(configuration: configuration, operation: operation).read(reply), raw: reply,
            projection: projection,
            snapshot: Snapshot(keys: names, payloads: bytes, revisions: projection.revisions, runID: runID))
    }

    /// Puts the server into a state. Suspicions that name the run in which the snapshot was taken name this one then.
    func restore(_ snapshot: Snapshot) -> RedisCommand {
        var arguments: [any RedisArgument] = [
            digests[Self.restore.name] ?? "", 1, Wire.anchor, snapshot.runID, runID,
        ]
        for (key, payload) in zip(snapshot.keys, snapshot.payloads) {
            arguments.append(key)
            arguments.append(payload)
        }
        return RedisCommand("EVALSHA", arguments: arguments)
    }

    /// All keys of this node and what is in them, figures and events too; asked of it whatever slots it has.
    var everything: RedisCommand { RedisCommand("EVALSHA", digests[Self.dump.name] ?? "", 0, "everything") }

    func command(_ operation: Operation, revisions: [Int]) -> RedisCommand {
        var wire = Wire(configuration: configuration)
        wire.revisions = revisions
        switch operation {
        case .call(let call):
            guard let (script, arguments) = wire.call(call) else { return RedisCommand("PING") }
            return command(script, arguments)
        case .done(let store, let objects, let renewed):
            let (script, arguments) = wire.done(store, objects, renewed: renewed)
            return command(script, arguments)
        case .passes(.silence(let task)): return command(Self.silence, [Wire.task(task), "\(2 * Wire.long)"])
        case .passes(.due(let task)):
            return RedisCommand(
                "EVAL", Self.due, 1, Wire.anchor, Wire.tag + "delayed", Wire.tag + "task:\(Wire.task(task))",
                Wire.task(task))
        case .passes(.deadline(let task)):
            return RedisCommand("HSET", Wire.tag + "task:\(Wire.task(task))", "deadline_at", 1)
        case .passes(.grace(let object)):
            let member = "\(Wire.store(configuration.store(of: object))) \(wire.key(object))"
            return RedisCommand("ZADD", Wire.tag + "garbage", Wire.ripeScore, member)
        case .restart: return command(Self.restart, [])
        }
    }

    func command(_ script: RedisScript, _ arguments: [String]) -> RedisCommand {
        let rest: [any RedisArgument] = [digests[script.name] ?? "", 1, Wire.anchor] + arguments
        return RedisCommand("EVALSHA", arguments: rest)
    }

    /// Everything but figures, events and wake tokens, by which nothing is decided: contents, and as it was.
    private static let dump = RedisScript(
        name: "dump",
        source: """
            local contents, payloads = {}, {}
            local keys = redis.call('KEYS', '*')
            for _, key in ipairs(keys) do
                if ARGV[1] == 'everything' or not string.find(key, '}:stats$')
                    and not string.find(key, '}:events$') and not string.find(key, '}:wake$') then
                    local kind = redis.call('TYPE', key).ok
                    local content
                    if kind == 'hash' then content = redis.call('HGETALL', key)
                    elseif kind == 'zset' then content = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
                    elseif kind == 'list' then content = redis.call('LLEN', key)
                    elseif kind == 'stream' then content = redis.call('XLEN', key)
                    else content = redis.call('GET', key) end
                    contents[#contents + 1], contents[#contents + 2], contents[#contents + 3] = key, kind, content
                    payloads[#payloads + 1], payloads[#payloads + 2] = key, redis.call('DUMP', key)
                end
            end
            return { contents, payloads }
            """)

    private static let restore = RedisScript(
        name: "restore",
        source: """
            redis.call('FLUSHDB')
            for i = 3, #ARGV, 2 do
                redis.call('RESTORE', ARGV[i], 0, ARGV[i + 1])
                if ARGV[1] ~= ARGV[2] and string.find(ARGV[i], '}:task:[^:]+$') then
                    local mark = redis.call('HGET', ARGV[i], 'suspect')
                    local beat = mark and string.match(mark, '^' .. ARGV[1] .. ':(.*)')
                    if beat then redis.call('HSET', ARGV[i], 'suspect', ARGV[2] .. ':' .. beat) end
                end
            end
            """)

    /// Time passes for one task: what it compares its age with lies further back.
    private static let silence = RedisScript(
        name: "silence",
        source: """
            local tag = '{model}:'
            local key = tag .. 'task:' .. ARGV[1]
            local field = redis.call('HEXISTS', key, 'updated_at') == 1 and 'updated_at' or 'created_at'
            local at = redis.call('HGET', key, field) - ARGV[2]
            redis.call('HSET', key, field, at)
            local task = redis.call('HMGET', key, 'state', 'lease_ms')
            if task[1] == 'processing' then redis.call('ZADD', tag .. 'leases', at + task[2], ARGV[1]) end
            return 'OK'
            """)

    private static let due = """
        redis.call('ZADD', ARGV[1], 1, ARGV[3])
        redis.call('HSET', ARGV[2], 'due_at', 1)
        return 'OK'
        """

    /// A restart gives the server another run id; here every mark gets one of an earlier run.
    private static let restart = RedisScript(
        name: "restart",
        source: """
            for _, key in ipairs(redis.call('KEYS', '*}:task:*')) do
                local mark = redis.call('TYPE', key).ok == 'hash' and redis.call('HGET', key, 'suspect')
                if mark then redis.call('HSET', key, 'suspect', (string.gsub(mark, '^%x+', '0'))) end
            end
            return 'OK'
            """)
}
