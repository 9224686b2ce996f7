import ImportModel
import RedisClient
import TestSupport
import Testing

@testable import LeaseStore

@Suite struct FleetTests {
    private static func process(_ id: ProcessID) -> ProcessRecord {
        ProcessRecord(
            id: id, role: "worker", host: "host", hostKey: "boot-ns", pid: 42, startTicks: 99, version: "1",
            concurrency: 4, stores: [Fleet.main], startedAtMs: 7)
    }

    @Test("a process is known from its registration until it leaves")
    func processes() async throws {
        try await withFleet { fleet in
            #expect(try await fleet.store.register(Self.process(Fleet.alpha), timeToLive: .seconds(60)) == 1)
            #expect(try await fleet.store.register(Self.process(Fleet.beta), timeToLive: .seconds(60)) == 2)
            #expect(try await fleet.store.register(Self.process(Fleet.beta), timeToLive: .seconds(60)) == 2)
            let known = try await fleet.store.processes()
            #expect(Set(known.map(\.id)) == [Fleet.alpha, Fleet.beta])
            #expect(known.allSatisfy { $0.pid == 42 && $0.startTicks == 99 && $0.stores == [Fleet.main] })
            let scan = try await fleet.store.scanLeases(silence: .seconds(1), host: "boot-ns")
            #expect(scan.processes == 2)
            #expect(Set(scan.hostProcesses) == [Fleet.alpha, Fleet.beta])
            for _ in 0..<2 { try await fleet.store.leave(Fleet.alpha, hostKey: "boot-ns") }
            #expect(try await fleet.store.processes().map(\.id) == [Fleet.beta])
        }
    }

    @Test("pausing and resuming twice is the same as once")
    func pause() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            for _ in 0..<2 { try await fleet.store.setPaused(true) }
            #expect(try await fleet.store.queueStats().queue.isPaused)
            #expect(try await fleet.next() == nil)
            for _ in 0..<2 { try await fleet.store.setPaused(false) }
            #expect(try await fleet.next() == task.id)
        }
    }

    @Test("the queue's figures are those of the queue")
    func stats() async throws {
        try await withFleet { fleet in
            for owner in ["a", "a", "b"] { _ = try await fleet.queue(owner: owner, bytes: 100) }
            let claim = try await fleet.claim()
            _ = try await fleet.claim()
            _ = try await fleet.store.fail(claim.attempt, .retry(after: .seconds(9)), reason: "reset")
            let (queue, garbage) = try await fleet.unchanged { try await fleet.store.queueStats() }
            #expect(queue.pending == 1)
            #expect(queue.delayed == 1)
            #expect(queue.processing == 1)
            #expect(queue.pendingBytes == 100)
            #expect(queue.tenants.count == 1)
            #expect(queue.oldestPendingAgeMs != nil)
            #expect(garbage == 1)
        }
    }

    @Test("events tell a task's story in order")
    func events() async throws {
        try await withFleet { fleet in
            let start = try await fleet.store.lastEventID()
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            _ = try await fleet.store.release(claim.attempt)
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            let events = try await fleet.store.events(after: start, atMost: .seconds(1))
            #expect(events.map(\.type) == ["created", "claimed", "released", "claimed", "success"])
            #expect(events.allSatisfy { $0.taskId == task.id && $0.imageId == task.image })
        }
    }

    @Test("a catalog of another schema is refused, and the same one opens again with its id")
    func schema() async throws {
        try await withFleet { fleet in
            let id = try await fleet.store.openCatalog()
            #expect(try await fleet.unchanged { try await fleet.store.openCatalog() } == id)
            try await fleet.client.send("HSET", fleet.store.keys.control, "schema_version", "999")
            try await fleet.changesNothing { () async throws in
                await #expect(throws: LeaseStoreError.self) { try await fleet.store.openCatalog() }
            }
        }
    }

    @Test("a server that may lose or evict keys is found out")
    func server() async throws {
        try await withFleet(["--appendonly", "yes", "--appendfsync", "always"]) { fleet in
            #expect(try await fleet.store.examineServer() == [])
            try await fleet.client.send("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
            try await fleet.client.send("CONFIG", "SET", "appendfsync", "everysec")
            #expect(try await fleet.store.examineServer().map(\.severity) == [.fatal, .unsafe])
        }
    }

    @Test("a server that is still loading its data is not taken for one that keeps none")
    func loading() async throws {
        // A millisecond for each key, and a look at its clients every 1,024 keys.
        try await withRedis(["--appendonly", "yes", "--appendfsync", "always", "--key-load-delay", "1000"]) { server in
            try await withClient(server.configuration) { client in
                _ = try await client.pipeline((0..<3000).map { RedisCommand("SET", "key:\($0)", "") })
                let store = LeaseStore(redis: client, keys: try Keys(prefix: "test"), settings: LeaseSettings())
                server.kill()
                async let restarted: Void = server.restart()
                var asked = 0
                var findings: [ServerFinding]?
                while findings == nil {
                    do {
                        findings = try await store.examineServer()
                    } catch let error as LeaseStoreError {
                        #expect(error.isTransient)
                        if "\(error)".contains("loads its data") { asked += 1 }
                    }
                }
                try await restarted
                #expect(findings == [] && asked > 0)
            }
        }
    }

    @Test("tasks are listed newest first, in pages that miss none and repeat none, also within one millisecond")
    func pages() async throws {
        try await withFleet { fleet in
            var ids: Set<TaskID> = []
            for number in 0..<60 {
                let task = try await fleet.queue()
                ids.insert(task.id)
                if number % 3 == 0 { #expect(try await fleet.publish(try await fleet.claim()) == .published) }
            }
            // Many of one millisecond, by hand: live and finished ones mixed.
            for id in ids.sorted(by: { $0.rawValue < $1.rawValue }).prefix(30) {
                let set = try await fleet.task(id).state.isTerminal ? fleet.store.keys.done : fleet.store.keys.live
                try await fleet.client.send("ZADD", set, 1_000_000, id.rawValue)
                try await fleet.client.send("HSET", fleet.store.keys.task(id), "created_at", 1_000_000)
            }
            var listed: [TaskRecord] = []
            while true {
                let page = try await fleet.store.tasks(after: listed.last?.id, count: 7)
                listed += page
                if page.count < 7 { break }
            }
            #expect(listed.count == 60)
            #expect(Set(listed.map(\.id)) == ids)
            #expect(zip(listed, listed.dropFirst()).allSatisfy { $0.createdAtMs >= $1.createdAtMs })
            let live = try await fleet.store.tasks(after: nil, count: 100, liveOnly: true)
            #expect(live.allSatisfy { !$0.state.isTerminal })
            #expect(live.count == 40)
            // The last of a page ends before the next page is asked for.
            let page = try await fleet.store.tasks(after: nil, count: 10, liveOnly: true)
            #expect(try await fleet.store.cancel(try #require(page.last).id, message: "") == .cancelled)
            let next = try await fleet.store.tasks(after: page.last?.id, count: 100, liveOnly: true)
            #expect(next.map(\.id) == live.dropFirst(10).map(\.id))
            #expect(try await fleet.store.tasks(after: .random(), count: 5) == [])
            // A score that no time can be is passed over.
            let timeless = TaskID.random().rawValue
            try await fleet.client.send("ZADD", fleet.store.keys.live, "inf", timeless)
            #expect(try await fleet.store.tasks(after: nil, count: 1, liveOnly: true).map(\.id) == [live[0].id])
            try await fleet.client.send("ZREM", fleet.store.keys.live, timeless)
        }
    }
}
