import ImportModel
import RedisClient
import Testing
import TestSupport

@testable import LeaseStore

@Suite struct StealTests {
    private static let old: Duration = .seconds(1801)

    @Test("a running import's lock is taken only when both its age and a watcher's suspicion say so")
    func twoKeys() async throws {
        try await withFleet { fleet in
            let loser = try await fleet.queue()
            let claim = try await fleet.claim()
            let wish = Fleet.download(loser.image)
            func refused() async throws -> HeldLock? {
                let reply = try await fleet.unchanged { try await fleet.store.createImport(wish, wanted: .queued) }
                return if case .locked(let lock) = reply { lock } else { nil }
            }
            // Neither; then suspicion alone.
            #expect(try await refused() != nil)
            #expect(try await fleet.store.suspect(loser.id, beatSeq: claim.task.beatSeq))
            #expect(try #require(try await refused()?.stealIn) > .seconds(1700))
            // A beat voids it, and then age alone is not enough.
            let beat = Beat(phase: .streaming, message: "", bytesDone: 1, bytesTotal: nil)
            #expect(try await fleet.store.beat(claim.attempt, number: claim.task.beatSeq + 1, beat) == nil)
            try await fleet.age(loser.id, by: Self.old)
            #expect(try #require(try await refused()?.stealIn) > .zero)
            // A suspicion of an earlier beat is none.
            #expect(try await !fleet.store.suspect(loser.id, beatSeq: claim.task.beatSeq))
            #expect(try await refused() != nil)
            // Both.
            #expect(try await fleet.store.suspect(loser.id, beatSeq: claim.task.beatSeq + 1))
            let stolen = CreateReply.created(priorStatus: .queued, stolen: loser.id)
            #expect(try await fleet.store.createImport(wish, wanted: .queued) == stolen)
            try await fleet.expectInvariants()
            let ended = try await fleet.task(loser.id)
            #expect(ended.result == .stolen)
            #expect(ended.message.contains(/^expired lock preempted: no heartbeat for 18\d\d s, import taken over/))
            #expect(try await fleet.garbage() == ["main \(loser.image)/\(claim.nonce)"])
            // Again: the first answer. And the loser hears of it.
            #expect(try await fleet.unchanged { try await fleet.store.createImport(wish, wanted: .queued) } == stolen)
            try await fleet.changesNothing { () async throws in
                let lost = LostLease(why: .ended(.stolen), holder: wish.id.rawValue)
                #expect(try await fleet.store.beat(claim.attempt, number: 9, beat) == lost)
                #expect(try await fleet.publish(claim) == .lost(lost))
                #expect(try await fleet.store.fail(claim.attempt, .reject, reason: "late") == .lost(lost))
                #expect(try await fleet.store.release(claim.attempt) == .lost(lost))
            }
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            #expect(try await fleet.task(loser.id).result == .stolen)
        }
    }

    @Test("a task that waits is taken after its time: long after its creation, or sooner after a lost attempt")
    func pending() async throws {
        try await withFleet { fleet in
            let fresh = try await fleet.queue()
            func wish() async throws -> CreateReply {
                try await fleet.store.createImport(Fleet.download(fresh.image), wanted: .queued)
            }
            try await fleet.age(fresh.id, by: .seconds(7100))
            let reply = try await fleet.unchanged { try await wish() }
            guard case .locked(let lock) = reply else {
                Issue.record("\(reply)")
                return
            }
            #expect(try #require(lock.stealIn) < .seconds(101))
            try await fleet.age(fresh.id, by: .seconds(101))
            #expect(try await wish() == .created(priorStatus: .queued, stolen: fresh.id))

            let tried = try await fleet.queue()
            while let claim = try? await fleet.claim() {
                let reply = try await fleet.store.fail(claim.attempt, .retry(after: .seconds(60)), reason: "reset")
                #expect(reply == .requeued)
            }
            let again = Fleet.download(tried.image)
            guard case .locked = try await fleet.store.createImport(again, wanted: .queued) else {
                Issue.record("a waiting task was taken at once")
                return
            }
            try await fleet.age(tried.id, by: Self.old)
            #expect(
                try await fleet.store.createImport(again, wanted: .queued)
                    == .created(priorStatus: .queued, stolen: tried.id))
        }
    }

    @Test("a task that was never claimed is never taken where the setting says so")
    func pendingForEver() async throws {
        try await withFleet([], { $0.pendingStealAfter = .zero }) { fleet in
            let task = try await fleet.queue()
            try await fleet.age(task.id, by: .seconds(1_000_000))
            let reply = try await fleet.store.createImport(Fleet.download(task.image), wanted: .queued)
            guard case .locked(let lock) = reply else {
                Issue.record("\(reply)")
                return
            }
            #expect(lock.stealIn == nil)
        }
    }

    @Test("an administrator's word takes the lock, and the loser's message says so")
    func force() async throws {
        try await withFleet { fleet in
            let loser = try await fleet.queue()
            let claim = try await fleet.claim()
            let wish = Fleet.download(loser.image, force: true)
            let reply = try await fleet.store.createImport(wish, wanted: .queued)
            #expect(reply == .created(priorStatus: .queued, stolen: loser.id))
            #expect(try await fleet.task(loser.id).message.contains("taken by force"))
            let lost = LostLease(why: .ended(.stolen), holder: wish.id.rawValue)
            #expect(try await fleet.publish(claim) == .lost(lost))
        }
    }

    @Test("a request that will be refused breaks no lock, however old")
    func refusedFirst() async throws {
        try await withFleet { fleet in
            let loser = try await fleet.queue()
            let claim = try await fleet.claim()
            #expect(try await fleet.store.suspect(loser.id, beatSeq: claim.task.beatSeq))
            try await fleet.age(loser.id, by: Self.old)
            try await fleet.changesNothing { () async throws in
                let wish = Fleet.download(loser.image, force: true)
                #expect(try await fleet.store.createImport(wish, wanted: .uploading) == .wrongStatus(.queued))
            }
        }
    }

    @Test("a stealer of an import of staged data goes back to what was before that import, and keeps the data")
    func inheritsPriorStatus() async throws {
        try await withFleet { fleet in
            let image = try await fleet.image()
            let stage = try await fleet.stage(image)
            func direct() -> NewTask {
                NewTask(
                    id: .random(), image: image, request: ImportRequest(method: .glanceDirect, stores: [Fleet.main]),
                    owner: "tenant", mayForce: true)
            }
            let (first, second) = (direct(), direct())
            #expect(
                try await fleet.store.createImport(first, wanted: .uploading)
                    == .created(priorStatus: .uploading, stolen: nil))
            #expect(
                try await fleet.store.createImport(second, wanted: .uploading)
                    == .created(priorStatus: .uploading, stolen: first.id))
            #expect(try await fleet.store.cancel(second.id, message: "enough") == .cancelled)
            let record = try await fleet.imageRecord(image)
            #expect(record.status == .uploading)
            #expect(record.stage == stage)
        }
    }

    @Test("of 64 that want one expired lock at once, one gets it")
    func manyStealers() async throws {
        try await withFleet { fleet in
            let loser = try await fleet.queue()
            let claim = try await fleet.claim()
            #expect(try await fleet.store.suspect(loser.id, beatSeq: claim.task.beatSeq))
            try await fleet.age(loser.id, by: Self.old)
            let store = fleet.store
            let replies = try await withThrowingTaskGroup(of: CreateReply.self) { group in
                for _ in 0..<64 {
                    let wish = Fleet.download(loser.image)
                    group.addTask { try await store.createImport(wish, wanted: .queued) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let won = replies.filter { if case .created = $0 { true } else { false } }
            #expect(won == [.created(priorStatus: .queued, stolen: loser.id)])
            #expect(try await store.counters()["steals"] == 1)
        }
    }

    @Test("a restart of Redis voids every suspicion")
    func restart() async throws {
        try await withFleet(["--appendonly", "yes", "--appendfsync", "always"]) { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            #expect(try await fleet.store.suspect(task.id, beatSeq: claim.task.beatSeq))
            try await fleet.age(task.id, by: Self.old)
            let run = try await fleet.store.scanLeases(silence: .zero, host: "h").run
            try await fleet.server.restart()
            let wish = Fleet.download(task.image)
            let reply = try await LeaseStore.insist(for: .seconds(20)) {
                try await fleet.store.createImport(wish, wanted: .queued)
            }
            guard case .locked = reply else {
                Issue.record("\(reply)")
                return
            }
            // Who watched before is told that this is another server.
            #expect(try await fleet.store.scanLeases(silence: .zero, host: "h").run != run)
            #expect(try await fleet.store.recover(task.id, beatSeq: claim.task.beatSeq) == .alive)
            // Watched again under the new server, it goes.
            #expect(try await fleet.store.suspect(task.id, beatSeq: claim.task.beatSeq))
            #expect(try await fleet.store.recover(task.id, beatSeq: claim.task.beatSeq) == .requeued)
        }
    }
}
