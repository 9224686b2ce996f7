import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

/// What one attempt leaves to the next: kept by every end of an attempt that is not the task's, named by nobody else.
@Suite struct CheckpointTests {
    private static let stores = [Fleet.main, Fleet.far]

    private static func named(_ claim: Claim, in stores: [StoreID] = stores) -> Set<String> {
        Set(stores.map { "\($0) \(ObjectKey(image: claim.task.image, nonce: claim.nonce))" })
    }

    enum End: String, CaseIterable, CustomTestStringConvertible {
        case fail, workerFault, release, death
        var testDescription: String { rawValue }
    }

    @Test(
        "however an attempt ends, the next claim is given its checkpoint, and nothing of it is garbage",
        arguments: End.allCases)
    func handedOver(end: End) async throws {
        try await withFleet { fleet in
            let store = fleet.store
            _ = try await fleet.queue(stores: Self.stores)
            let first = try await fleet.claim(stores: Self.stores)
            #expect(first.checkpoint == nil)
            let checkpoint = Fleet.checkpoint(first, stores: Self.stores)
            #expect(try await store.keep(checkpoint, of: first.attempt) == nil)
            #expect(try await fleet.unchanged { try await store.keep(checkpoint, of: first.attempt) } == nil)
            switch end {
            case .fail: _ = try await store.fail(first.attempt, .retry(after: .zero), reason: "x")
            case .workerFault: _ = try await store.fail(first.attempt, .workerFault(retryAfter: .zero), reason: "x")
            case .release: _ = try await store.release(first.attempt)
            case .death: _ = try await store.recover(first.task.id, beatSeq: first.task.beatSeq, dead: Fleet.alpha)
            }
            #expect(try await fleet.garbage() == [])
            // Its own worker names it, and the sweeper asks for it, in vain.
            try await store.nameGarbage(checkpoint.objects.map { (store: $0.key, key: $0.value) })
            #expect(try await fleet.garbage() == [])
            let keys = Array(checkpoint.objects.values)
            #expect(try await store.strays(among: keys, in: Fleet.main) == [])
            let second = try await fleet.claim(stores: Self.stores)
            #expect(second.checkpoint == checkpoint)
        }
    }

    @Test("something else in a checkpoint's place is no checkpoint, and keeps nobody from the task")
    func damaged() async throws {
        try await withFleet { fleet in
            _ = try await fleet.queue(stores: Self.stores)
            let first = try await fleet.claim(stores: Self.stores)
            _ = try await fleet.store.keep(Fleet.checkpoint(first, stores: Self.stores), of: first.attempt)
            _ = try await fleet.store.release(first.attempt)
            let key = "\(fleet.store.keys.task(first.task.id)):checkpoint"
            #expect(try await fleet.client.send("DEL", key) == .integer(1))
            try await fleet.client.send("RPUSH", key, "x")
            #expect(try await fleet.claim(stores: Self.stores).checkpoint == nil)
        }
    }

    @Test("an attempt without a checkpoint leaves garbage, as ever")
    func withoutCheckpoint() async throws {
        try await withFleet { fleet in
            _ = try await fleet.queue(stores: Self.stores)
            let claim = try await fleet.claim(stores: Self.stores)
            _ = try await fleet.store.release(claim.attempt)
            #expect(Set(try await fleet.garbage()) == Self.named(claim))
        }
    }

    @Test("a successor goes on with one object and copies the other: what it does not name any more is garbage")
    func continued() async throws {
        try await withFleet { fleet in
            let store = fleet.store
            let task = try await fleet.queue(stores: Self.stores)
            let first = try await fleet.claim(stores: Self.stores)
            _ = try await store.keep(Fleet.checkpoint(first, stores: Self.stores), of: first.attempt)
            _ = try await store.release(first.attempt)
            let second = try await fleet.claim(stores: Self.stores)
            var next = Fleet.checkpoint(second, stores: Self.stores, value: "further")
            next.objects[Fleet.main] = first.key
            #expect(try await store.keep(next, of: second.attempt) == nil)
            #expect(Set(try await fleet.garbage()) == Self.named(first, in: [Fleet.far]))
            var content = Fleet.content(second.attempt, task.image, stores: Self.stores)
            content.locations[Fleet.main] = first.key
            let reply = try await store.publish(
                second.attempt, content, diskFormat: "raw", containerFormat: "bare", message: "done")
            #expect(reply == .published)
            #expect(try await fleet.imageRecord(task.image).locations[Fleet.main] == first.key)
            let garbage = try await fleet.garbage()
            #expect(Set(garbage) == Self.named(first, in: [Fleet.far]).union(Self.named(second, in: [Fleet.main])))
        }
    }

    @Test("who begins anew forgets the checkpoint: what it named is garbage, and nothing else")
    func forgotten() async throws {
        try await withFleet { fleet in
            let store = fleet.store
            _ = try await fleet.queue(stores: Self.stores)
            let first = try await fleet.claim(stores: Self.stores)
            _ = try await store.keep(Fleet.checkpoint(first, stores: Self.stores), of: first.attempt)
            _ = try await store.release(first.attempt)
            let second = try await fleet.claim(stores: Self.stores)
            #expect(try await store.forgetCheckpoint(of: second.attempt, because: "the source has changed") == nil)
            #expect(Set(try await fleet.garbage()) == Self.named(first))
            try await fleet.changesNothing { () async throws in
                #expect(try await store.forgetCheckpoint(of: second.attempt, because: "again") == nil)
                // Late: it was kept before the other was forgotten.
                await #expect(throws: LeaseStoreError.self) {
                    _ = try await store.keep(Fleet.checkpoint(first, stores: Self.stores), of: second.attempt)
                }
                #expect(try await store.keep(Fleet.checkpoint(first), of: first.attempt) != nil)
            }
            let told = try await store.events(after: "0", atMost: .seconds(1))
            #expect(told.contains { $0.type == "started-over" && $0.detail == "the source has changed" })
        }
    }

    @Test(
        "the end of the task is the end of its checkpoint",
        arguments: ["cancel", "delete", "steal", "reject", "publish"])
    func ended(how: String) async throws {
        try await withFleet { fleet in
            let store = fleet.store
            let task = try await fleet.queue(stores: Self.stores)
            let first = try await fleet.claim(stores: Self.stores)
            _ = try await store.keep(Fleet.checkpoint(first, stores: Self.stores), of: first.attempt)
            _ = try await store.release(first.attempt)
            switch how {
            case "cancel": #expect(try await store.cancel(task.id, message: "x") == .cancelled)
            case "delete": #expect(try await store.deleteImage(task.image) == .deleted)
            case "steal":
                let other = Fleet.download(task.image, force: true)
                _ = try await store.createImport(other, wanted: .queued)
            case "reject":
                let second = try await fleet.claim(stores: Self.stores)
                #expect(try await store.fail(second.attempt, .reject, reason: "x") == .ended)
            default:
                let second = try await fleet.claim(stores: Self.stores)
                #expect(try await fleet.publish(second, stores: Self.stores) == .published)
            }
            #expect(Set(try await fleet.garbage()).isSuperset(of: Self.named(first)))
            #expect(try await fleet.client.send("HGET", store.keys.task(task.id), "kept").string == nil)
            #expect(try await fleet.client.send("EXISTS", store.keys.checkpoint(task.id)).int == 0)
        }
    }

    @Test("a checkpoint names objects of its attempt in stores of its task, is small, and belongs to an import")
    func refused() async throws {
        try await withFleet { fleet in
            let store = fleet.store
            _ = try await fleet.queue()
            let claim = try await fleet.claim()
            let other = try await fleet.queue()
            let staging = NewTask(
                id: .random(), image: try await fleet.image(),
                request: ImportRequest(method: nil, stores: [Fleet.main]),
                owner: "tenant")
            let upload = AttemptID(task: staging.id, nonce: .mint())
            _ = try await store.openUpload(staging, kind: .stage, nonce: upload.nonce, process: Fleet.alpha)
            var foreign = Fleet.checkpoint(claim)
            foreign.objects[Fleet.main] = "\(other.image)/\(Nonce.mint())"
            let wrong = [
                KeptCheckpoint(value: "", objects: [:]), foreign, Fleet.checkpoint(claim, stores: [Fleet.far]),
                KeptCheckpoint(value: "value", objects: [:]),
                Fleet.checkpoint(claim, value: ""),
                Fleet.checkpoint(claim, value: String(repeating: "x", count: KeptCheckpoint.maxBytes + 1)),
            ]
            try await fleet.changesNothing { () async throws in
                for checkpoint in wrong {
                    await #expect(throws: LeaseStoreError.self) {
                        _ = try await store.keep(checkpoint, of: claim.attempt)
                    }
                }
                let key = "\(staging.image)/\(upload.nonce)"
                await #expect(throws: LeaseStoreError.self) {
                    _ = try await store.keep(KeptCheckpoint(value: "x", objects: [Fleet.main: key]), of: upload)
                }
            }
            let full = Fleet.checkpoint(claim, value: String(repeating: "x", count: KeptCheckpoint.maxBytes))
            #expect(try await store.keep(full, of: claim.attempt) == nil)
        }
    }

    @Test("the online check finds garbage that a checkpoint names, while its task waits")
    func audited() async throws {
        try await withFleet { fleet in
            let store = fleet.store
            _ = try await fleet.queue()
            let first = try await fleet.claim()
            _ = try await store.keep(Fleet.checkpoint(first), of: first.attempt)
            _ = try await store.release(first.attempt)
            #expect(try await store.auditTasks().faults == [])
            try await fleet.client.send("ZADD", store.keys.garbage, 1, "\(Fleet.main) \(first.key)")
            #expect(try await store.auditTasks().faults.count == 1)
            #expect(try await store.auditTasks().faults == [])
            #expect(try await fleet.garbage() == [])
        }
    }
}

extension Claim {
    fileprivate var key: String { ObjectKey(image: task.image, nonce: nonce).description }
}
