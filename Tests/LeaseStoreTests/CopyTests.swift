import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

@Suite struct CopyTests {
    static func copy(
        _ image: ImageID, id: TaskID = .random(), to stores: [StoreID] = [Fleet.far], mustAll: Bool = true,
        force: Bool = false
    ) -> NewTask {
        NewTask(
            id: id, image: image,
            request: ImportRequest(method: .copyImage, stores: stores, allStoresMustSucceed: mustAll), owner: "tenant",
            mayForce: force)
    }

    private static let third = known(StoreID(rawValue: "third"))

    private static func known(_ id: StoreID?) -> StoreID {
        guard let id else { preconditionFailure("a test's own constant is not well formed") }
        return id
    }

    @Test func `a copy locates its object, ends, and leaves the image's status alone`() async throws {
        try await withFleet { fleet in
            let image = try await fleet.active()
            let before = try await fleet.imageRecord(image)
            let task = Self.copy(image)
            #expect(try await fleet.create(task) == .created(priorStatus: .active, stolen: nil))
            #expect(
                try await fleet.unchanged { try await fleet.create(task) }
                    == .created(priorStatus: .active, stolen: nil))
            let waiting = try await fleet.imageRecord(image)
            #expect(waiting.status == .active && waiting.importingToStores == [Fleet.far])
            try await fleet.expectInvariants()

            let claim = try await fleet.claim(stores: [Fleet.main, Fleet.far])
            #expect(
                try await fleet.store.claim(
                    nonce: claim.nonce, process: Fleet.alpha, stores: [Fleet.main, Fleet.far]
                ).task == task.id)
            #expect(claim.image.locations == before.locations && claim.image.digests == before.digests)
            try await fleet.expectInvariants()
            #expect(try await fleet.locate(claim, Fleet.far) == .located)
            #expect(try await fleet.unchanged { try await fleet.locate(claim, Fleet.far) } == .located)
            let located = try await fleet.imageRecord(image)
            let key = ObjectKey(image: image, nonce: claim.nonce).description
            #expect(located.locations == before.locations.merging([Fleet.far: key]) { old, _ in old })
            #expect(located.status == .active && located.importingToStores == [] && located.digests == before.digests)

            for _ in 0..<2 { #expect(try await fleet.publish(claim, stores: []) == .published) }
            let after = try await fleet.imageRecord(image)
            #expect(after.status == .active && after.lockedBy == nil && after.locations == located.locations)
            #expect(after.importingToStores == [] && after.failedStores == [])
            #expect(try await fleet.task(task.id).state == .success)
            #expect(try await fleet.garbage().isEmpty)
        }
    }

    @Test func `a create is refused where the image is not active, or has what is asked for`() async throws {
        try await withFleet { fleet in
            let queued = try await fleet.image()
            let image = try await fleet.active()
            let gone = try await fleet.active()
            _ = try await fleet.store.switchImage(gone, isActive: false)
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.create(Self.copy(queued)) == .wrongStatus(.queued))
                #expect(try await fleet.create(Self.copy(gone)) == .wrongStatus(.deactivated))
                #expect(try await fleet.create(Self.copy(.random())) == .noImage)
                #expect(try await fleet.create(Self.copy(image, to: [Fleet.far, Fleet.main])) == .stored(Fleet.main))
                #expect(
                    try await fleet.store.createImport(Fleet.download(image), wanted: .queued)
                        == .wrongStatus(.active))
            }
            let task = Self.copy(image)
            _ = try await fleet.create(task)
            guard case .locked(let lock) = try await fleet.create(Self.copy(image, to: [Self.third])) else {
                Issue.record("a held lock was taken")
                return
            }
            #expect(lock.task == task.id)
        }
    }

    @Test func `only a worker that reaches a source and all targets gets a copy`() async throws {
        try await withFleet { fleet in
            let task = Self.copy(try await fleet.active())
            _ = try await fleet.create(task)
            #expect(try await fleet.next([Fleet.far]) == nil)
            #expect(try await fleet.next([Fleet.main]) == nil)
            #expect(try await fleet.next([Fleet.far, Self.third]) == nil)
            #expect(try await fleet.next([Fleet.far, Fleet.main]) == task.id)
        }
    }

    @Test func `a location is refused for other bytes, other stores, other tasks and other nonces`() async throws {
        try await withFleet { fleet in
            let image = try await fleet.active()
            _ = try await fleet.create(Self.copy(image))
            let claim = try await fleet.claim(stores: [Fleet.main, Fleet.far])
            let download = try await fleet.queue()
            let other = try await fleet.claim()
            #expect(other.task.id == download.id)
            let digests = try #require(claim.image.digests)
            func locate(
                _ store: StoreID = Fleet.far, _ attempt: AttemptID? = nil, size: Int64 = 4096,
                _ given: ContentDigests? = nil
            ) async throws -> LocateReply {
                try await fleet.store.locate(
                    attempt ?? claim.attempt, in: store, sizeBytes: size, given ?? digests)
            }
            try await fleet.changesNothing { () async throws in
                #expect(try await locate(size: 4095) == .changed(what: "bytes"))
                var md5 = digests
                md5.md5 += "0"
                #expect(try await locate(Fleet.far, nil, md5) == .changed(what: "bytes"))
                var sha512 = digests
                sha512.sha512 += "0"
                #expect(try await locate(Fleet.far, nil, sha512) == .changed(what: "bytes"))
                await #expect(throws: LeaseStoreError.self) { try await locate(Self.third) }
                await #expect(throws: LeaseStoreError.self) { try await locate(Fleet.main) }
                await #expect(throws: LeaseStoreError.self) { try await locate(Fleet.main, other.attempt) }
                // Nothing but a copy's own task is asked of: this one is not all located.
                #expect(try await fleet.publish(claim, stores: []) == .changed(what: "locations"))
            }
            let stranger = AttemptID(task: claim.task.id, nonce: .mint())
            #expect(
                try await locate(Fleet.far, stranger) == .lost(LostLease(why: .superseded, holder: "alpha-1-aaaaaaaa")))
            // A store that has got the image otherwise keeps what it has.
            try await fleet.client.send("HSET", fleet.store.keys.image(image), "loc:far", "\(image)/other")
            try await fleet.changesNothing { () async throws in
                #expect(try await locate() == .changed(what: "locations"))
            }
        }
    }

    @Test func `an attempt that dies after a location leaves it, and the next one has only the rest to do`()
        async throws
    {
        try await withFleet { fleet in
            let image = try await fleet.active()
            let all = [Fleet.main, Fleet.far, Self.third]
            let task = Self.copy(image, to: [Fleet.far, Self.third])
            _ = try await fleet.create(task)
            let first = try await fleet.claim(stores: all)
            _ = try await fleet.locate(first, Fleet.far)
            #expect(try await fleet.store.recover(task.id, beatSeq: first.task.beatSeq, dead: Fleet.alpha) == .requeued)
            let key = ObjectKey(image: image, nonce: first.nonce).description
            #expect(try await fleet.garbage() == ["third \(key)"])
            #expect(try await fleet.imageRecord(image).importingToStores == [Self.third])

            let second = try await fleet.claim(by: Fleet.beta, stores: all)
            #expect(second.task.located == [Fleet.far])
            #expect(try await fleet.publish(second, stores: []) == .changed(what: "locations"))
            // It is there already: the mark in the task says so, and another object is not taken.
            #expect(try await fleet.unchanged { try await fleet.locate(second, Fleet.far) } == .located)
            #expect(try await fleet.locate(second, Self.third) == .located)
            #expect(try await fleet.publish(second, stores: []) == .published)
            let record = try await fleet.imageRecord(image)
            #expect(record.locations[Fleet.far] == key && record.locations.count == 3)
            // What the second attempt may have written where it had nothing to do.
            let own = ObjectKey(image: image, nonce: second.nonce).description
            #expect(Set(try await fleet.garbage()) == ["third \(key)", "far \(own)"])
        }
    }

    /// How a copy into two stores ends after it has located the first of them.
    enum End: String, CaseIterable { case fails, isCancelled, isStolen, isOverdue }

    @Test(arguments: End.allCases)
    func `however a copy ends, the image keeps its status and what was located`(end: End) async throws {
        try await withFleet { fleet in
            let image = try await fleet.active()
            let task = Self.copy(image, to: [Fleet.far, Self.third])
            _ = try await fleet.create(task)
            let claim = try await fleet.claim(stores: [Fleet.main, Fleet.far, Self.third])
            _ = try await fleet.locate(claim, Fleet.far)
            let stealer = Self.copy(image, to: [Self.third], force: true)
            switch end {
            case .fails: #expect(try await fleet.store.fail(claim.attempt, .reject, reason: "bad") == .ended)
            case .isCancelled: _ = try await fleet.store.cancel(task.id, message: "enough")
            case .isStolen: #expect(try await fleet.create(stealer) == .created(priorStatus: .active, stolen: task.id))
            case .isOverdue:
                try await fleet.client.send("HSET", fleet.store.keys.task(task.id), "deadline_at", 1)
                _ = try await fleet.store.auditTasks()
            }
            #expect(try await fleet.task(task.id).state == .failure)
            let record = try await fleet.imageRecord(image)
            #expect(record.status == .active && record.locations.count == 2)
            #expect(record.importingToStores == (end == .isStolen ? [Self.third] : []))
            #expect(record.failedStores == (end == .isStolen ? [] : [Self.third]))
            let key = ObjectKey(image: image, nonce: claim.nonce).description
            #expect(try await fleet.garbage() == ["third \(key)"])
            guard case .lost = try await fleet.locate(claim, Self.third) else {
                Issue.record("a task that has ended located something")
                return
            }
            // The loser names all that it may have written; what was located is left alone.
            try await fleet.store.nameGarbage([(Fleet.far, key), (Self.third, key)])
            #expect(try await fleet.garbage() == ["third \(key)"])
        }
    }

    @Test func `a copy that need not fill all stores succeeds with one, and names the others`() async throws {
        try await withFleet { fleet in
            let image = try await fleet.active()
            let task = Self.copy(image, to: [Fleet.far, Self.third], mustAll: false)
            _ = try await fleet.create(task)
            let claim = try await fleet.claim(stores: [Fleet.main, Fleet.far, Self.third])
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.publish(claim, stores: []) == .changed(what: "locations"))
            }
            _ = try await fleet.locate(claim, Self.third)
            #expect(try await fleet.publish(claim, stores: []) == .published)
            let record = try await fleet.imageRecord(image)
            #expect(record.failedStores == [Fleet.far] && record.importingToStores == [])
            let key = ObjectKey(image: image, nonce: claim.nonce).description
            #expect(try await fleet.garbage() == ["far \(key)"])
            // Asked for once more, and done: it is no failure any more.
            _ = try await fleet.create(Self.copy(image))
            #expect(try await fleet.imageRecord(image).failedStores == [])
        }
    }

    @Test func `an image is taken out of service, or deleted, under a copy`() async throws {
        try await withFleet { fleet in
            let image = try await fleet.active()
            _ = try await fleet.create(Self.copy(image, to: [Fleet.far, Self.third]))
            let claim = try await fleet.claim(stores: [Fleet.main, Fleet.far, Self.third])
            #expect(try await fleet.store.switchImage(image, isActive: false) == .switched)
            #expect(try await fleet.look().faults.isEmpty)
            #expect(try await fleet.locate(claim, Fleet.far) == .located)
            #expect(try await fleet.imageRecord(image).status == .deactivated)
            _ = try await fleet.store.deleteImage(image)
            #expect(try await fleet.locate(claim, Self.third) == .lost(LostLease(why: .ended(.imageDeleted))))
            #expect(try await fleet.store.image(image) == nil)
            let key = ObjectKey(image: image, nonce: claim.nonce).description
            let garbage = Set(try await fleet.garbage())
            #expect(garbage.isSuperset(of: ["far \(key)", "third \(key)"]) && garbage.count == 3)
        }
    }

    @Test func `a copy under an image that is not active any more is found and ended`() async throws {
        try await withFleet { fleet in
            let image = try await fleet.active()
            let task = Self.copy(image)
            _ = try await fleet.create(task)
            try await fleet.client.send("HSET", fleet.store.keys.image(image), "status", "importing")
            #expect(try await fleet.store.auditTasks().faults.count == 1)
            #expect(try await fleet.task(task.id).result == .rejected)
            #expect(try await fleet.store.auditImages([image]).faults.count == 1)
            #expect(try await fleet.imageRecord(image).status == .active)
        }
    }

    @Test func `garbage of an attempt in a store that it may not write to is swept while its nonce runs another task`()
        async throws
    {
        try await withFleet { fleet in
            let image = try await fleet.active()
            let nonce = Nonce.mint()
            let key = ObjectKey(image: image, nonce: nonce).description
            try await fleet.store.nameGarbage([(Fleet.main, key)])
            _ = try await fleet.create(Self.copy(image))
            let reply = try await fleet.store.claim(
                nonce: nonce, process: Fleet.alpha, stores: [Fleet.main, Fleet.far])
            guard case .task = reply else { throw NoTask(reply: "\(reply)") }
            let taken = try await fleet.store.takeGarbage(of: Fleet.main, olderThan: .zero, atMost: 10)
            #expect(taken.entries.map(\.key) == [key])
        }
    }
}

extension Fleet {
    /// An image that was imported into `main`.
    func active() async throws -> ImageID {
        let task = try await queue()
        #expect(try await publish(try await claim()) == .published)
        return task.image
    }

    func create(_ task: NewTask) async throws -> CreateReply { try await store.createImport(task, wanted: .active) }

    /// Locates what an attempt has copied.
    func locate(_ claim: Claim, _ store: StoreID) async throws -> LocateReply {
        let digests = try #require(claim.image.digests)
        return try await self.store.locate(claim.attempt, in: store, sizeBytes: 4096, digests)
    }
}

extension ClaimReply {
    fileprivate var task: TaskID? { if case .task(let claim) = self { claim.task.id } else { nil } }
}
