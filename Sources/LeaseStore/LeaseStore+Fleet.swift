package import ImportModel
import RedisClient

/// What a process says of itself.
package struct ProcessRecord: Hashable, Sendable {
    package var id: ProcessID
    package var role: String
    package var host: String
    /// Boot id and pid namespace: processes with the same key can see whether the other one lives.
    package var hostKey: String
    package var pid: Int
    /// When the process was started, in the kernel's own ticks; tells a reused pid apart.
    package var startTicks: UInt64
    package var version: String
    package var concurrency: Int
    package var stores: [StoreID]
    package var startedAtMs: Int64
    package var seenAtMs: Int64

    package init(
        id: ProcessID, role: String, host: String, hostKey: String, pid: Int, startTicks: UInt64, version: String,
        concurrency: Int, stores: [StoreID], startedAtMs: Int64 = 0, seenAtMs: Int64 = 0
    ) {
        self.id = id
        self.role = role
        self.host = host
        self.hostKey = hostKey
        self.pid = pid
        self.startTicks = startTicks
        self.version = version
        self.concurrency = concurrency
        self.stores = stores
        self.startedAtMs = startedAtMs
        self.seenAtMs = seenAtMs
    }
}

extension LeaseStore {
    /// Tells the fleet of a process; said again before `timeToLive` is over. Returns how many processes there are.
    package func register(_ process: ProcessRecord, timeToLive: Duration) async throws -> Int {
        Failpoint.reach(.registerSent)
        let reply = try await call(
            Scripts.processRegister,
            [
                process.id.rawValue, timeToLive.argument, process.hostKey, "role", process.role, "host", process.host,
                "host_key", process.hostKey, "pid", process.pid, "start", String(process.startTicks), "version",
                process.version, "concurrency", process.concurrency, "stores",
                process.stores.map(\.rawValue).joined(separator: ","), "started_at", Int(process.startedAtMs),
            ])
        Failpoint.reach(.registerAnswered)
        guard reply.word == "registered" else { throw reply.unknown }
        return Int(try reply.int(1))
    }

    /// Forgets a process that has ended.
    package func leave(_ process: ProcessID, hostKey: String) async throws {
        let reply = try await call(Scripts.processLeave, [process.rawValue, hostKey])
        guard reply.word == "left" else { throw reply.unknown }
    }

    /// What is known of these processes; the ones that are not known are left out.
    package func processes(_ ids: [ProcessID]) async throws -> [ProcessRecord] {
        let replies = try await read(ids.map { RedisCommand("HGETALL", keys.process($0)) })
        return zip(ids, replies).compactMap { id, reply in
            guard let hash = reply.hash(), let role = hash["role"], let host = hash["host"],
                let hostKey = hash["host_key"], let pid = hash["pid"].flatMap({ Int($0) }),
                let start = hash["start"].flatMap({ UInt64($0) })
            else { return nil }
            return ProcessRecord(
                id: id, role: role, host: host, hostKey: hostKey, pid: pid, startTicks: start,
                version: hash["version"] ?? "", concurrency: hash["concurrency"].flatMap { Int($0) } ?? 0,
                stores: (hash["stores"] ?? "").split(separator: ",").compactMap { StoreID(rawValue: String($0)) },
                startedAtMs: hash["started_at"].flatMap { Int64($0) } ?? 0,
                seenAtMs: hash["seen_at"].flatMap { Int64($0) } ?? 0)
        }
    }

    /// All processes that said they run, newest first (at most 10,000).
    package func processes() async throws -> [ProcessRecord] {
        let reply = try await read([RedisCommand("ZREVRANGE", keys.processes, 0, 9_999)])
        return try await processes(
            (reply.first?.array ?? []).compactMap { $0.string.flatMap(ProcessID.init(rawValue:)) })
    }

    /// Stops or restarts claiming, fleet-wide; durable once it returns.
    package func setPaused(_ isPaused: Bool) async throws {
        let reply = try await call(Scripts.queuePause, [isPaused ? "1" : "0"], isDurable: true)
        guard reply.word == (isPaused ? "paused" : "resumed") else { throw reply.unknown }
    }

    /// The queue in numbers, and how much garbage waits to be swept.
    package func queueStats() async throws -> (queue: QueueStats, garbage: Int) {
        let reply = try await call(Scripts.queueStats, [])
        guard reply.word == "stats" else { throw reply.unknown }
        let pairs = try reply.strings(7)
        var tenants: [String: Int] = [:]
        for index in stride(from: 0, to: pairs.count - 1, by: 2) { tenants[pairs[index]] = Int(pairs[index + 1]) }
        let stats = QueueStats(
            isPaused: try reply.string(0) == "1", pending: tenants.values.reduce(0, &+),
            delayed: Int(try reply.int(1)), processing: Int(try reply.int(2)),
            oldestPendingAgeMs: try reply.value(6).int, pendingBytes: max(0, try reply.int(3)), tenants: tenants,
            processes: Int(try reply.int(4)))
        return (stats, Int(try reply.int(5)))
    }

    /// Fleet-wide counters since the catalog began, by their names in the scripts (`recoveries`, `refused:stolen` …),
    /// and `held:STORE`, 0 or 1, of the stores that were swept lately.
    package func counters() async throws -> [String: Int64] {
        let replies = try await read([RedisCommand("HGETALL", keys.stats), RedisCommand("TIME")])
        let stats = (replies.first?.hash() ?? [:]).compactMapValues { Int64($0) }
        let seconds = replies.last?.array?.first?.string.flatMap { Int64($0) } ?? 0
        return stats.filter { name, _ in
            if name.hasPrefix("held_until:") { return false }
            guard name.hasPrefix("held:") else { return true }
            return (stats["held_until:" + name.dropFirst("held:".count)] ?? 0) / 1000 >= seconds
        }
    }

    /// Events behind `id`, waiting up to `limit` for the first one. `$` means: from now on.
    package func events(after id: String, atMost limit: Duration) async throws -> [FleetEvent] {
        let reply: RedisValue
        do {
            reply = try await redis.sendBlocking(
                RedisCommand(
                    "XREAD", "COUNT", 100, "BLOCK", max(1, limit.argument), "STREAMS", keys.events, id),
                timeout: limit + .seconds(10))
        } catch let error as RedisError {
            throw LeaseStoreError(error)
        }
        let entries = reply.array?.first?.array?.last?.array ?? []
        return entries.compactMap { entry in
            guard let parts = entry.array, parts.count == 2, let id = parts[0].string, let fields = parts[1].hash(),
                let type = fields["type"], let image = fields["image"].flatMap(ImageID.init(rawValue:))
            else { return nil }
            return FleetEvent(
                id: id, type: type, taskId: fields["task"].flatMap(TaskID.init(rawValue:)), imageId: image,
                detail: fields["detail"] ?? "")
        }
    }

    /// The id of the newest event, from which `events(after:)` misses nothing.
    package func lastEventID() async throws -> String {
        let reply = try await read([RedisCommand("XREVRANGE", keys.events, "+", "-", "COUNT", 1)])
        return reply.first?.array?.first?.array?.first?.string ?? "0-0"
    }
}
