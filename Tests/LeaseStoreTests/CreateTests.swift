import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

@Suite struct CreateTests {
    @Test("a create locks the image, queues the task and changes the status, and a repeat changes nothing")
    func create() async throws {
        try await withFleet { fleet in
            let image = try await fleet.image()
            let task = Fleet.download(image, bytes: 1000)
            let created = CreateReply.created(priorStatus: .queued, stolen: nil)
            #expect(try await fleet.store.createImport(task, wanted: .queued) == created)
            let record = try await fleet.imageRecord(image)
            #expect(record.status == .importing)
            #expect(record.lockedBy == task.id)
            #expect(record.importingToStores == [Fleet.main])
            #expect(record.failedStores == [])
            let stored = try await fleet.task(task.id)
            #expect(stored.state == .pending)
            #expect(stored.request == task.request)
            #expect(stored.requestID == "req-\(task.id)")
            #expect(stored.deadlineAtMs - stored.createdAtMs == 24 * 3_600_000)
            #expect(try await fleet.store.queueStats().queue.pendingBytes == 1000)
            try await fleet.expectInvariants()
            #expect(try await fleet.unchanged { try await fleet.store.createImport(task, wanted: .queued) } == created)
            // Also once the task has been claimed, and has ended.
            let claim = try await fleet.claim()
            #expect(try await fleet.unchanged { try await fleet.store.createImport(task, wanted: .queued) } == created)
            #expect(try await fleet.publish(claim) == .published)
            #expect(try await fleet.unchanged { try await fleet.store.createImport(task, wanted: .queued) } == created)
        }
    }

    @Test("a create is refused for no image, a wrong status, missing formats and a held lock, and changes nothing")
    func refusals() async throws {
        try await withFleet { fleet in
            let store = fleet.store
            try await fleet.changesNothing { () async throws in
                #expect(try await store.createImport(Fleet.download(.random()), wanted: .queued) == .noImage)
            }
            let bare = try await fleet.image(formats: false)
            let image = try await fleet.image()
            let held = try await fleet.queue()
            let claimed = try await fleet.claim()
            #expect(claimed.task.id == held.id)
            let deleted = try await fleet.image()
            #expect(try await store.deleteImage(deleted) == .deleted)
            try await fleet.changesNothing { () async throws in
                #expect(try await store.createImport(Fleet.download(deleted), wanted: .queued) == .noImage)
                #expect(try await store.createImport(Fleet.download(bare), wanted: .queued) == .noFormat)
                let staged = try await store.createImport(Fleet.download(image), wanted: .uploading)
                #expect(staged == .wrongStatus(.queued))
                let reply = try await store.createImport(Fleet.download(held.image), wanted: .queued)
                guard case .locked(let lock) = reply else {
                    Issue.record("\(reply)")
                    return
                }
                #expect(lock.task == held.id)
                #expect(lock.state == .processing)
                #expect(lock.phase == .claimed)
                #expect(try #require(lock.stealIn) > .seconds(1700))
            }
        }
    }

    @Test("a task's id is good for one image")
    func otherImage() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let image = try await fleet.image()
            try await fleet.changesNothing { () async throws in
                await #expect(throws: LeaseStoreError.self) {
                    try await fleet.store.createImport(Fleet.download(image, id: task.id), wanted: .queued)
                }
            }
        }
    }

    @Test("input that cannot be read is an error that changes nothing")
    func malformedInput() async throws {
        try await withFleet { fleet in
            let image = try await fleet.image()
            try await fleet.changesNothing { () async throws in
                for input in ["", "no json", "[", "7"] {
                    await #expect(throws: LeaseStoreError.self) {
                        try await fleet.store.call(
                            Scripts.importCreate,
                            [
                                TaskID.random().rawValue, image.rawValue, input, "queued", "tenant", 4, "", 1000, 0, "",
                                1000, 3, "",
                            ])
                    }
                }
            }
        }
    }

    @Test("a lock that names no live task is taken, and counted as a fault")
    func orphanedLock() async throws {
        try await withFleet { fleet in
            let image = try await fleet.image()
            try await fleet.client.send("SET", fleet.store.keys.lock(image), TaskID.random().rawValue)
            try await fleet.client.send("HSET", fleet.store.keys.image(image), "status", "importing")
            let reply = try await fleet.store.createImport(Fleet.download(image), wanted: .queued)
            #expect(reply == .created(priorStatus: .queued, stolen: nil))
            #expect(try await fleet.store.counters()["faults:L1"] == 1)
        }
    }

    @Test("a lock left on an active image never lets an import replace its bytes")
    func orphanedLockOnActive() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            try await fleet.client.send("SET", fleet.store.keys.lock(task.image), task.id.rawValue)
            try await fleet.changesNothing { () async throws in
                let reply = try await fleet.store.createImport(Fleet.download(task.image, force: true), wanted: .queued)
                #expect(reply == .wrongStatus(.active))
            }
            try await fleet.client.send("DEL", fleet.store.keys.lock(task.image))
        }
    }

    @Test("a size beyond all bounds spoils a figure, never a script")
    func hugeSize() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue(bytes: .max)
            let other = try await fleet.queue(bytes: .max)
            let first = try await fleet.claim()
            #expect(first.task.id == task.id)
            #expect(try await fleet.publish(first) == .published)
            #expect(try await fleet.next() == other.id)
            try await fleet.client.send("HDEL", fleet.store.keys.control, "pending_bytes")
        }
    }
}
