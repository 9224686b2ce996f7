package import ImportModel
package import LeaseStore
import RedisClient
import TestSupport

/// Users and workers of a fleet who make the scripts' calls themselves: for more tasks than can be asked for by HTTP,
/// and for holders that stay silent as long as a row needs it.
package struct PretendFleet: Sendable {
    package let store: LeaseStore
    private let client: RedisClient
    private static let process = known(ProcessID(rawValue: "pretender-1-0a0b0c0d"))
    package static let main = known(StoreID(rawValue: "main"))

    /// - Parameter lease: how long what it claims is left alone; must be the fleet's own.
    package static func with<Answer>(
        _ fleet: Fleet, lease: Duration, _ body: (PretendFleet) async throws -> Answer
    ) async throws -> Answer {
        var settings = LeaseSettings()
        settings.lease = lease
        return try await withClient(fleet.redis.configuration) { client in
            let store = LeaseStore(redis: client, keys: try Keys(prefix: "longshore"), settings: settings)
            return try await body(PretendFleet(store: store, client: client))
        }
    }

    /// Queues an import of a new image for a tenant; returns its task.
    @discardableResult
    package func queue(_ uri: String, tenant: String, priority: Int = TaskRecord.defaultPriority) async throws
        -> NewTask
    {
        var image = ImageRecord(id: .random())
        image.owner = tenant
        image.diskFormat = "raw"
        image.containerFormat = "bare"
        _ = try await store.createImage(image)
        let task = NewTask(
            id: .random(), image: image.id,
            request: ImportRequest(method: .webDownload, uri: uri, stores: [Self.main]), owner: tenant,
            priority: priority)
        let reply = try await store.createImport(task, wanted: .queued)
        guard case .created = reply else { throw ServiceFailure("an import was not queued: \(reply)") }
        return task
    }

    /// Claims the next task and never beats.
    package func claim() async throws -> Claim {
        let reply = try await store.claim(nonce: .mint(), process: Self.process, stores: [Self.main])
        guard case .task(let claim) = reply else { throw ServiceFailure("nothing was claimed: \(reply)") }
        return claim
    }

    /// Does something so many times, some at once, without waiting for the disk each time.
    package func many(_ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        try await client.send("CONFIG", "SET", "appendfsync", "no")
        try await withThrowingTaskGroup(of: Void.self) { group in
            let lanes = 32
            for lane in 0..<lanes {
                group.addTask { for index in stride(from: lane, to: count, by: lanes) { try await body(index) } }
            }
            try await group.waitForAll()
        }
        try await client.send("CONFIG", "SET", "appendfsync", "always")
    }

    /// Makes a task look as if nothing had been heard of it for so long: all places that know it at once.
    package func age(_ task: TaskID, by age: Duration) async throws {
        let script = """
            local key = '{longshore}:task:' .. ARGV[1]
            local at = redis.call('HGET', key, 'updated_at') - ARGV[2]
            redis.call('HSET', key, 'updated_at', at)
            if redis.call('HGET', key, 'state') == 'processing' then
                redis.call('ZADD', '{longshore}:leases', at + redis.call('HGET', key, 'lease_ms'), ARGV[1])
            end
            return 1
            """
        try await client.send("EVAL", script, 1, "{longshore}:control", task.rawValue, Int(age / .milliseconds(1)))
    }

    /// How many commands Redis carries out for something, those inside scripts included; for nobody else's work.
    package func commands(_ body: () async throws -> Void) async throws -> Int {
        let before = try await calls().values.reduce(0, +)
        try await body()
        return try await calls().values.reduce(0, +) - before
    }

    /// How often each command was carried out since the start of the server.
    package func calls() async throws -> [String: Int] {
        let info = try await client.send("INFO", "commandstats").string ?? ""
        return info.matches(of: /cmdstat_([a-z|_]+):calls=([0-9]+)/).reduce(into: [:]) { calls, match in
            // Asking is a command, too; and connections introduce themselves when they are made.
            if ["info", "hello", "auth"].contains(match.1) || match.1.hasPrefix("client") { return }
            calls[String(match.1)] = Int(match.2)
        }
    }

    /// A number out of one of the sections of `INFO`.
    package func info(_ section: String, _ field: String) async throws -> Double {
        let lines = (try await client.send("INFO", section).string ?? "").split(whereSeparator: \.isNewline)
        let line = lines.first { $0.hasPrefix(field + ":") }
        return line.flatMap { Double($0.dropFirst(field.count + 1)) } ?? 0
    }

    private static func known<Value>(_ value: Value?) -> Value {
        guard let value else { preconditionFailure("a constant of the tests is not well formed") }
        return value
    }
}
