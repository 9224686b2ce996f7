import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

@Suite struct RecoveryTests {
    @Test("a silent attempt is taken back only with its age and a suspicion of its last beat")
    func twoKeys() async throws {
        try await withFleet([], { $0.lease = .seconds(30) }) { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            let seq = claim.task.beatSeq
            try await fleet.age(task.id, by: .seconds(31))
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.recover(task.id, beatSeq: seq) == .alive)
                #expect(try await fleet.store.recover(task.id, beatSeq: seq + 1) == .moved)
                #expect(try await fleet.store.recover(.random(), beatSeq: 1) == .moved)
                #expect(try await !fleet.store.suspect(task.id, beatSeq: seq + 1))
                #expect(try await !fleet.store.suspect(.random(), beatSeq: 1))
            }
            #expect(try await fleet.store.suspect(task.id, beatSeq: seq))
            #expect(try await fleet.unchanged { try await fleet.store.suspect(task.id, beatSeq: seq) })
            // Suspicion alone is not enough.
            try await fleet.age(task.id, by: .seconds(-31))
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.recover(task.id, beatSeq: seq) == .alive)
            }
            try await fleet.age(task.id, by: .seconds(31))
            #expect(try await fleet.store.recover(task.id, beatSeq: seq) == .requeued)
            try await fleet.expectInvariants()
            let waiting = try await fleet.task(task.id)
            #expect(waiting.state == .pending)
            #expect(waiting.spent == 1)
            #expect(!waiting.isSuspect)
            #expect(waiting.message.contains(/^no heartbeat for \d\d s from alpha/))
            #expect(try await fleet.holder(of: task.image) == task.id)
            #expect(try await fleet.garbage() == ["main \(task.image)/\(claim.nonce)"])
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.recover(task.id, beatSeq: seq) == .moved)
            }
            // The suspicion is gone with the attempt.
            let second = try await fleet.claim(by: Fleet.beta)
            try await fleet.age(task.id, by: .seconds(31))
            #expect(try await fleet.store.recover(task.id, beatSeq: second.task.beatSeq) == .alive)
        }
    }

    @Test("a proof that the process is gone needs no waiting, and holds for that process only")
    func proof() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            let seq = claim.task.beatSeq
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.recover(task.id, beatSeq: seq, dead: Fleet.beta) == .moved)
            }
            let running = try await fleet.store.attempts(of: Fleet.alpha)
            #expect(running.map(\.task) == [task.id])
            #expect(running.map(\.beatSeq) == [seq])
            #expect(try await fleet.store.recover(task.id, beatSeq: seq, dead: Fleet.alpha) == .requeued)
            #expect(try await fleet.next() == task.id)
        }
    }

    @Test("a task whose attempts all died ends")
    func lastAttempt() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            for attempt in 1...3 {
                let claim = try await fleet.claim()
                let reply = try await fleet.store.recover(task.id, beatSeq: claim.task.beatSeq, dead: Fleet.alpha)
                #expect(reply == (attempt < 3 ? .requeued : .ended))
            }
            #expect(try await fleet.task(task.id).result == .attemptsSpent)
            #expect(try await fleet.imageRecord(task.image).status == .queued)
        }
    }

    @Test("a scan shows what is silent, and what a clock that was set back made look young")
    func scan() async throws {
        try await withFleet([], { $0.lease = .seconds(30) }) { fleet in
            let tasks = [try await fleet.queue(), try await fleet.queue(), try await fleet.queue()]
            var claims: [Claim] = []
            for _ in tasks { claims.append(try await fleet.claim()) }
            try await fleet.age(tasks[1].id, by: .seconds(60))
            try await fleet.age(tasks[2].id, by: .seconds(-86_400))
            // A broken entry must not hide the others.
            try await fleet.client.send("ZADD", fleet.store.keys.leases, 1, TaskID.random().rawValue)
            let scan = try await fleet.unchanged { try await fleet.store.scanLeases(silence: .seconds(30), host: "h") }
            #expect(scan.silent.map(\.task) == [tasks[1].id, tasks[2].id])
            #expect(scan.silent.map(\.process) == [Fleet.alpha, Fleet.alpha])
            #expect(try await fleet.store.auditTasks().faults.count == 1)

            // Watched for a lease, it is given back after one more, not in a day.
            let seq = claims[2].task.beatSeq
            #expect(try await fleet.store.suspect(tasks[2].id, beatSeq: seq))
            #expect(try await fleet.store.recover(tasks[2].id, beatSeq: seq) == .alive)
            try await fleet.expectInvariants()
            try await fleet.age(tasks[2].id, by: .seconds(31))
            #expect(try await fleet.store.recover(tasks[2].id, beatSeq: seq) == .requeued)
        }
    }

    @Test("after the clock was set back a waiting task waits for its delay, not for the day to come again")
    func delayInTheFuture() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            _ = try await fleet.store.fail(claim.attempt, .retry(after: .seconds(60)), reason: "reset")
            let day: Int64 = 86_400_000
            let before = try await fleet.task(task.id)
            let due = try #require(before.dueAtMs)
            try await fleet.client.send(
                RedisCommand(
                    "HSET",
                    arguments: [
                        fleet.store.keys.task(task.id), "updated_at", before.updatedAtMs + day, "due_at", due + day,
                    ]))
            try await fleet.client.send("ZADD", "{test}:delayed", due + day, task.id.rawValue)
            #expect(try await fleet.store.auditTasks().faults == [])
            #expect(try #require(try await fleet.task(task.id).dueAtMs) <= due + 60_000)
            #expect(try await fleet.client.send("ZSCORE", "{test}:delayed", task.id.rawValue).int ?? 0 <= due + 60_000)
        }
    }

    @Test("finished tasks go when their time is over, live ones never")
    func expiry() async throws {
        try await withFleet { fleet in
            let live = try await fleet.queue(priority: 0)
            var ended: [NewTask] = []
            for _ in 0..<3 {
                let task = try await fleet.queue()
                #expect(try await fleet.publish(try await fleet.claim()) == .published)
                ended.append(task)
            }
            #expect(try await fleet.unchanged { try await fleet.store.expireTasks() } == 0)
            for task in ended.dropLast() {
                try await fleet.client.send("ZADD", fleet.store.keys.done, 1, task.id.rawValue)
            }
            // Created long ago, and ended just now: its time has only begun.
            #expect(try await fleet.unchanged { try await fleet.store.expireTasks() } == 0)
            try await fleet.client.send("HSET", fleet.store.keys.task(ended[0].id), "expires_at", 1)
            #expect(try await fleet.store.expireTasks() == 1)
            #expect(try await fleet.store.task(ended[0].id) == nil)
            #expect(try await fleet.store.tasks(of: ended[0].image) == [])
            #expect(try await fleet.store.history(ended[0].id) == [])
            #expect(try await fleet.store.tasks([live.id, ended[1].id, ended[2].id]).count == 3)
        }
    }

    @Test("one process of the fleet has the turn in each interval")
    func turns() async throws {
        try await withFleet { fleet in
            #expect(try await fleet.store.beginTurn("audit", every: .seconds(60)))
            #expect(try await !fleet.unchanged { try await fleet.store.beginTurn("audit", every: .seconds(60)) })
            #expect(try await fleet.store.beginTurn("sweep", every: .seconds(60)))
            #expect(try await fleet.store.beginTurn("audit", every: .zero))
            // A turn in the future was before the clock was set back.
            try await fleet.client.send("HSET", fleet.store.keys.control, "turn:audit", Int64(1) << 50)
            #expect(try await fleet.store.beginTurn("audit", every: .seconds(60)))
        }
    }
}
