import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

@Suite struct ClaimTests {
    @Test("a claim gives the task, its image and the nonce's authority; a replay gives the same and changes nothing")
    func claim() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let nonce = Nonce.mint()
            func claim() async throws -> ClaimReply {
                try await fleet.store.claim(nonce: nonce, process: Fleet.alpha, stores: [Fleet.main])
            }
            guard case .task(let first) = try await claim() else {
                Issue.record("no task")
                return
            }
            #expect(first.task.id == task.id)
            #expect(first.task.state == .processing)
            #expect(first.task.nonce == nonce)
            #expect(first.task.attempt == 1)
            #expect(first.task.spent == 1)
            #expect(first.task.worker == Fleet.alpha)
            #expect(first.task.leaseMs == 300)
            #expect(first.image.status == .importing)
            let other = try await fleet.queue()
            guard case .task(let again) = try await fleet.unchanged({ try await claim() }) else {
                Issue.record("no task")
                return
            }
            #expect(again.task == first.task)
            // Once the attempt has ended its nonce gets nothing, though something waits.
            #expect(try await fleet.store.fail(first.attempt, .reject, reason: "bad") == .ended)
            guard case .over = try await fleet.unchanged({ try await claim() }) else {
                Issue.record("a nonce was given a second task")
                return
            }
            #expect(try await fleet.next() == other.id)
        }
    }

    @Test("a nonce whose object was called garbage was given up, also where nobody remembers that it was claimed")
    func givenUp() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let nonce = Nonce.mint()
            func garbage(_ image: ImageID) async throws {
                try await fleet.client.send("ZADD", "{test}:garbage", 1, "main \(image)/\(nonce)")
            }
            try await garbage(task.image)
            let late = try await fleet.unchanged {
                try await fleet.store.claim(nonce: nonce, process: Fleet.alpha, stores: [Fleet.main])
            }
            guard case .over = late else {
                Issue.record("\(late)")
                return
            }
            #expect(try await fleet.next() == task.id)
            let upload = NewTask(
                id: .random(), image: try await fleet.image(),
                request: ImportRequest(method: nil, stores: [Fleet.main]),
                owner: "tenant")
            try await garbage(upload.image)
            await #expect(throws: LeaseStoreError.self) {
                try await fleet.unchanged {
                    try await fleet.store.openUpload(upload, kind: .upload, nonce: nonce, process: Fleet.alpha)
                }
            }
        }
    }

    @Test("an empty queue says when the next attempt is due; a paused one says so; neither changes anything")
    func nothing() async throws {
        try await withFleet { fleet in
            func reply() async throws -> ClaimReply {
                try await fleet.unchanged {
                    try await fleet.store.claim(nonce: .mint(), process: Fleet.alpha, stores: [Fleet.main])
                }
            }
            guard case .empty(nextDue: nil) = try await reply() else {
                Issue.record("not empty")
                return
            }
            _ = try await fleet.queue()
            let claim = try await fleet.claim()
            let failed = try await fleet.store.fail(claim.attempt, .retry(after: .seconds(60)), reason: "reset")
            #expect(failed == .requeued)
            guard case .empty(let due?) = try await reply() else {
                Issue.record("nothing is due")
                return
            }
            #expect(due > .seconds(50) && due <= .seconds(60))
            try await fleet.store.setPaused(true)
            guard case .paused = try await reply() else {
                Issue.record("not paused")
                return
            }
            try await fleet.store.setPaused(false)
            guard case .empty = try await reply() else {
                Issue.record("still paused")
                return
            }
        }
    }

    @Test("higher priorities come first, and within one the first come")
    func priorities() async throws {
        try await withFleet { fleet in
            var tasks: [Int: [TaskID]] = [:]
            for priority in [4, 9, 0, 4, 9, 0, 4] {
                tasks[priority, default: []].append(try await fleet.queue(priority: priority).id)
            }
            let order = [9, 4, 0].flatMap { tasks[$0] ?? [] }
            for id in order { #expect(try await fleet.next() == id) }
            #expect(try await fleet.next() == nil)
        }
    }

    @Test("tenants take turns, however much one of them has queued")
    func tenants() async throws {
        try await withFleet { fleet in
            for _ in 0..<20 { _ = try await fleet.queue(owner: "many") }
            for owner in ["a", "b"] { for _ in 0..<3 { _ = try await fleet.queue(owner: owner) } }
            var owners: [String] = []
            for _ in 0..<12 { owners.append(try await fleet.claim().task.owner) }
            // While three wait, every three in a row are three tenants.
            for start in 0..<7 { #expect(Set(owners[start..<(start + 3)]) == ["many", "a", "b"]) }
            #expect(owners[9...] == ["many", "many", "many"])
            // One that comes late is served within a round.
            _ = try await fleet.queue(owner: "late")
            #expect([try await fleet.claim().task.owner, try await fleet.claim().task.owner].contains("late"))
        }
    }

    @Test("a task that is tried again, or given back, keeps its place")
    func keepsItsPlace() async throws {
        try await withFleet { fleet in
            let tasks = [try await fleet.queue(), try await fleet.queue(), try await fleet.queue()]
            let claim = try await fleet.claim()
            #expect(claim.task.id == tasks[0].id)
            #expect(try await fleet.store.fail(claim.attempt, .retry(after: .zero), reason: "reset") == .requeued)
            let again = try await fleet.claim()
            #expect(again.task.id == tasks[0].id)
            #expect(again.task.spent == 2)
            #expect(try await fleet.store.release(again.attempt) == .requeued)
            let third = try await fleet.claim()
            #expect(third.task.id == tasks[0].id)
            #expect(third.task.attempt == 3)
            #expect(third.task.spent == 2)
            // After a wait, too.
            let failed = try await fleet.store.fail(
                third.attempt, .workerFault(retryAfter: .seconds(9)), reason: "disk")
            #expect(failed == .requeued)
            #expect(try await fleet.next() == tasks[1].id)
            try await fleet.client.send("ZADD", "{test}:delayed", 1, tasks[0].id.rawValue)
            #expect(try await fleet.next() == tasks[0].id)
            #expect(try await fleet.next() == tasks[2].id)
        }
    }

    @Test("a worker is given only what it can reach, and what others cannot hide for ever")
    func stores() async throws {
        try await withFleet { fleet in
            let far = try await fleet.queue(stores: [Fleet.main, Fleet.far])
            let near = try await fleet.queue()
            #expect(try await fleet.next([Fleet.main]) == near.id)
            #expect(try await fleet.next([Fleet.main]) == nil)
            #expect(try await fleet.next([Fleet.far, Fleet.main]) == far.id)
            // More than a look holds, of tenants and of tasks, that this worker cannot run.
            for number in 0..<20 { _ = try await fleet.queue(owner: "far\(number)", stores: [Fleet.far]) }
            for _ in 0..<40 { _ = try await fleet.queue(owner: "z", stores: [Fleet.far]) }
            let hidden = try await fleet.queue(owner: "z")
            var found: TaskID?
            for _ in 0..<20_000 where found == nil { found = try await fleet.next([Fleet.main]) }
            #expect(found == hidden.id)
        }
    }

    @Test("what is past its deadline is not claimed, and the audit ends it")
    func deadline() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            try await fleet.client.send("HSET", fleet.store.keys.task(task.id), "deadline_at", 1)
            #expect(try await fleet.next() == nil)
            let report = try await fleet.store.auditTasks()
            #expect(report.faults == [])
            #expect(report.ended == 1)
            #expect(try await fleet.task(task.id).result == .deadline)
            #expect(try await fleet.imageRecord(task.image).status == .queued)
        }
    }

    @Test("who waits for work is woken by it")
    func wake() async throws {
        try await withFleet { fleet in
            let store = fleet.store
            async let waiting: Void = store.waitForWork(atMost: .seconds(60))
            let task = try await fleet.queue()
            try await waiting
            #expect(try await fleet.next() == task.id)
        }
    }
}
