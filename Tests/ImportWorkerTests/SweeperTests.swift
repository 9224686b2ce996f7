import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import LeaseStore
import NIOCore
import RedisClient
import StorageConformance
import TestSupport
import Testing

@testable import ImportWorker

@Suite struct SweeperTests {
    /// A bench whose Redis has the catalog that the store belongs to.
    private func withCatalog(_ settings: LeaseSettings, _ body: (WorkBench) async throws -> Void) async throws {
        try await WorkBench.with(settings) { bench in
            _ = try await bench.client.send("HSET", Self.control, "catalog_id", WorkBench.catalogID)
            try await body(bench)
        }
    }

    private static let control = "{test}:control"

    private func sweeper(_ bench: WorkBench, _ change: (inout Sweeper.Limits) -> Void = { _ in }) -> Sweeper {
        var limits = Sweeper.Limits()
        change(&limits)
        return Sweeper(
            store: bench.store, storages: [bench.storage], catalogID: WorkBench.catalogID, limits: limits,
            logger: bench.logger)
    }

    /// An object of no image, as an attempt that died leaves it; named as garbage.
    private func garbage(_ bench: WorkBench, count: Int = 1) async throws {
        for _ in 0..<count {
            let key = ObjectKey(image: .random(), nonce: .mint())
            let writer = try await bench.storage.create(key, expectedBytes: nil)
            try await writer.write(ByteBuffer(string: "left over"))
            await writer.abandon()
            try await bench.store.nameGarbage([(WorkBench.storeID, key.description)])
        }
    }

    /// Waits until so much garbage is old enough to go.
    private func ripe(_ bench: WorkBench, count: Int) async throws {
        try await eventually {
            try await bench.store.takeGarbage(
                of: WorkBench.storeID, olderThan: Self.impatient.lease, atMost: 1000
            ).entries.count == count
        }
    }

    /// Imports as they are seen from Redis and the store.
    private func imports(_ bench: WorkBench, count: Int) async throws {
        for _ in 0..<count {
            let task = try await bench.queue("http://example.org/disk.raw")
            let claim = try await bench.claim()
            #expect(claim.task.id == task.id)
            try await publish(bench, AttemptID(task: task.id, nonce: claim.nonce), task.image)
        }
    }

    private func upload(_ bench: WorkBench) async throws {
        let image = try await bench.image()
        let task = NewTask(
            id: .random(), image: image.id, request: ImportRequest(method: nil, stores: [WorkBench.storeID]),
            owner: "project")
        let nonce = Nonce.mint()
        let opened = try await bench.store.openUpload(
            task, kind: .upload, nonce: nonce, process: bench.identity.id)
        #expect(opened == .created(priorStatus: .queued, stolen: nil))
        try await publish(bench, AttemptID(task: task.id, nonce: nonce), image.id)
    }

    private func publish(_ bench: WorkBench, _ attempt: AttemptID, _ image: ImageID) async throws {
        let key = ObjectKey(image: image, nonce: attempt.nonce)
        let digests = ContentDigests(md5: "md5", sha512: "sha512")
        let writer = try await bench.storage.create(key, expectedBytes: nil)
        try await writer.write(ByteBuffer(string: "kept"))
        try await writer.commit(ObjectDescription(image: image, sizeBytes: 4, digests: digests))
        let content = ImportedContent(
            sizeBytes: 4, digests: digests, locations: [WorkBench.storeID: key.description])
        let reply = try await bench.store.publish(
            attempt, content, diskFormat: "raw", containerFormat: "bare", message: "done")
        #expect(reply == .published)
    }

    /// What a backup of Redis is, and its restoration.
    private func backUp(_ bench: WorkBench) async throws {
        let copy = "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', 1) end"
        _ = try await bench.client.send("EVAL", copy, 0)
    }

    private func restore(_ bench: WorkBench) async throws { _ = try await bench.client.send("SWAPDB", 0, 1) }

    private static var impatient: LeaseSettings {
        var settings = WorkBench.settings
        settings.beat = .milliseconds(1)
        settings.lease = .milliseconds(3)
        settings.margin = .milliseconds(1)
        return settings
    }

    @Test func garbageGoesOnceItIsOldEnough() async throws {
        try await withCatalog(LeaseSettings()) { bench in
            try await garbage(bench)
            #expect(try await sweeper(bench).sweep(bench.storage) == 0)
            #expect(try await bench.storedKeys().count == 1)
        }
        try await withCatalog(Self.impatient) { bench in
            try await garbage(bench, count: 3)
            var swept = 0
            try await eventually {
                swept += try await sweeper(bench).sweep(bench.storage)
                return swept == 3
            }
            #expect(try await bench.storedKeys().isEmpty)
            #expect(try await bench.store.queueStats().garbage == 0)
        }
    }

    @Test func nothingGoesFromAStoreOfAnotherFleetAndItsMarkerStaysAsItIs() async throws {
        try await withCatalog(Self.impatient) { bench in
            try await garbage(bench)
            try await ripe(bench, count: 1)
            let foreign = StoreMarker(catalogId: "another", mark: 0)
            try await bench.storage.setMarker(foreign)
            #expect(try await sweeper(bench).sweep(bench.storage) == 0)
            #expect(try await bench.storage.marker() == foreign)
            #expect(try await bench.storedKeys().count == 1)
        }
    }

    @Test func garbageGoesInBatchesAndNamesOfWhatNeverExistedHoldUpNothing() async throws {
        try await withCatalog(Self.impatient) { bench in
            let never = (0..<150).map { _ in ObjectKey(image: .random(), nonce: .mint()).description }
            try await bench.store.nameGarbage(never.map { (WorkBench.storeID, $0) })
            try await garbage(bench)
            try await ripe(bench, count: 151)
            let careful = sweeper(bench) {
                $0.maxDelete = 100
                $0.maxShare = 0
            }
            #expect(try await careful.sweep(bench.storage) == 100)
            #expect(try await careful.sweep(bench.storage) == 51)
            #expect(try await bench.storedKeys().isEmpty)
        }
    }

    @Test func anEmptiedRedisNeverDeletesWhatItLostHoweverManyImportsFollow() async throws {
        try await withCatalog(Self.impatient) { bench in
            try await imports(bench, count: 3)
            let old = Set(try await bench.storedKeys())
            try await sweeper(bench).sweep(bench.storage)
            #expect(try await bench.storage.marker()?.mark ?? 0 > 0)

            _ = try await bench.client.send("FLUSHALL")
            let eager = sweeper(bench) {
                $0.strayAge = .zero
                $0.maxShare = 1
            }
            try await eager.nameStrays(in: bench.storage)
            #expect(try await bench.storage.marker()?.heldBecause?.contains("no catalog") == true)
            // As many again, under the id that the store knows: nothing in Redis tells of the loss any more.
            try await imports(bench, count: 4)
            _ = try await bench.client.send("HSET", Self.control, "catalog_id", WorkBench.catalogID)
            try await bench.store.nameGarbage(old.map { (WorkBench.storeID, $0.description) })
            try await ripe(bench, count: 3)
            try await eager.nameStrays(in: bench.storage)
            #expect(try await eager.sweep(bench.storage) == 0)
            #expect(old.isSubset(of: try await bench.storedKeys()))
        }
    }

    @Test func aSweeperThatWasOvertakenTakesNothingForALoss() async throws {
        try await withCatalog(Self.impatient) { bench in
            try await garbage(bench)
            try await ripe(bench, count: 1)
            // While it looks at the marker, others import and sweep.
            let overtaken = OvertakenStorage(base: bench.storage) {
                try await imports(bench, count: 2)
                try await sweeper(bench).sweep(bench.storage)
            }
            try await sweeper(bench).sweep(overtaken)
            let eager = sweeper(bench) {
                $0.strayAge = .zero
                $0.maxShare = 1
            }
            try await eager.nameStrays(in: overtaken)
            #expect(try await bench.storage.marker()?.heldBecause == nil)
            #expect(try await bench.storedKeys().count == 4)
        }
    }

    /// What another process writes right after the sweeper has looked at the marker.
    private static let others = [
        StoreMarker(catalogId: WorkBench.catalogID, mark: 1, heldBecause: "seen by another"),
        StoreMarker(catalogId: WorkBench.catalogID, mark: 1_000_000),
        StoreMarker(catalogId: "another", mark: 0),
    ]

    @Test(arguments: others)
    func aSweepUndoesNothingThatAnotherProcessWroteIntoTheMarker(_ other: StoreMarker) async throws {
        try await withCatalog(Self.impatient) { bench in
            // So that the sweep has a mark to raise.
            try await imports(bench, count: 2)
            try await garbage(bench)
            try await ripe(bench, count: 1)
            let overtaken = OvertakenStorage(
                base: bench.storage, afterwards: { try await bench.storage.setMarker(other) })
            let isStillOurs = other.heldBecause == nil && other.catalogId == WorkBench.catalogID
            #expect(try await sweeper(bench).sweep(overtaken) == (isStillOurs ? 1 : 0))
            #expect(try await bench.storage.marker() == other)
            #expect(try await bench.storedKeys().count == (isStillOurs ? 2 : 3))
        }
    }

    @Test(arguments: others)
    func aHoldUndoesNothingThatAnotherProcessWroteIntoTheMarker(_ other: StoreMarker) async throws {
        try await withCatalog(Self.impatient) { bench in
            try await garbage(bench)
            _ = try await bench.client.send("FLUSHALL")
            let overtaken = OvertakenStorage(
                base: bench.storage, afterwards: { try await bench.storage.setMarker(other) })
            #expect(try await sweeper(bench).sweep(overtaken) == 0)
            let marker = try #require(try await bench.storage.marker())
            #expect(marker.catalogId == other.catalogId)
            #expect(marker.mark == other.mark)
            switch (other.catalogId == WorkBench.catalogID, other.heldBecause) {
            case (true, let reason?): #expect(marker.heldBecause == reason)
            case (true, nil): #expect(marker.heldBecause?.contains("no catalog") == true)
            case (false, _): #expect(marker.heldBecause == nil)
            }
        }
    }

    @Test func aStoreThatIsUnmountedMeanwhileGetsNoMarker() async throws {
        try await withCatalog(Self.impatient) { bench in
            try await imports(bench, count: 1)
            let (place, away) = (bench.folder.path + "/store", bench.folder.path + "/away")
            let unmounted = OvertakenStorage(
                base: bench.storage,
                afterwards: {
                    guard FileManager.default.fileExists(atPath: place) else { return }
                    try FileManager.default.moveItem(atPath: place, toPath: away)
                })
            #expect(try await sweeper(bench).sweep(unmounted) == 0)
            #expect(!FileManager.default.fileExists(atPath: place))
        }
    }

    @Test func ofAStoreThatNobodySweepsAnyMoreNothingIsTold() async throws {
        try await withCatalog(Self.impatient) { bench in
            let store = try #require(StoreID(rawValue: "gone"))
            try await bench.store.reportStore(store, isHeld: true, sweptEvery: .seconds(60))
            #expect(try await bench.store.counters() == ["held:gone": 1])
            try await bench.store.reportStore(store, isHeld: true, sweptEvery: .milliseconds(1))
            try await eventually { try await bench.store.counters().isEmpty }
        }
    }

    @Test func anEmptiedRedisWithANewCatalogHoldsTheStoreToo() async throws {
        try await withCatalog(Self.impatient) { bench in
            try await garbage(bench)
            _ = try await bench.client.send("FLUSHALL")
            _ = try await bench.store.openCatalog()
            #expect(try await sweeper(bench).sweep(bench.storage) == 0)
            #expect(try await bench.storage.marker()?.heldBecause?.contains("Redis has") == true)
            #expect(try await bench.storedKeys().count == 1)
        }
    }

    @Test func anOlderRedisHoldsTheStoreUntilItIsReleased() async throws {
        try await withCatalog(Self.impatient) { bench in
            try await imports(bench, count: 1)
            try await backUp(bench)
            // Uploads count as well as imports.
            for _ in 0..<2 { try await upload(bench) }
            try await sweeper(bench).sweep(bench.storage)
            let mark = try #require(try await bench.storage.marker()?.mark)
            let all = Set(try await bench.storedKeys())
            #expect(all.count == 3)

            try await restore(bench)
            let eager = sweeper(bench) {
                $0.strayAge = .zero
                $0.maxShare = 1
            }
            #expect(try await eager.sweep(bench.storage) == 0)
            #expect(try await bench.storage.marker()?.heldBecause?.contains("behind") == true)
            try await imports(bench, count: 4)
            #expect(try await bench.store.catalogState().sequence > mark)
            try await eager.nameStrays(in: bench.storage)
            #expect(try await eager.sweep(bench.storage) == 0)
            #expect(try await bench.storage.marker()?.mark == mark)
            #expect(all.isSubset(of: try await bench.storedKeys()))

            // What an operator's release writes.
            #expect(try await bench.store.counters()["held:main"] == 1)
            let now = try await bench.store.catalogState()
            try await bench.storage.setMarker(StoreMarker(catalogId: try #require(now.id), mark: now.sequence))
            try await eager.nameStrays(in: bench.storage)
            try await ripe(bench, count: 2)
            #expect(try await eager.sweep(bench.storage) == 2)
            #expect(try await bench.store.counters()["held:main"] == 0)
            #expect(try await bench.storedKeys().count == 5)
        }
    }

    @Test func aRedisThatHasLostOnlyAPublishHoldsTheStoreToo() async throws {
        try await withCatalog(Self.impatient) { bench in
            let task = try await bench.queue("http://example.org/disk.raw")
            try await backUp(bench)
            let claim = try await bench.claim()
            try await publish(bench, AttemptID(task: task.id, nonce: claim.nonce), task.image)
            try await sweeper(bench).sweep(bench.storage)

            try await restore(bench)
            let eager = sweeper(bench) {
                $0.strayAge = .zero
                $0.maxShare = 1
            }
            try await eager.nameStrays(in: bench.storage)
            #expect(try await eager.sweep(bench.storage) == 0)
            #expect(try await bench.storage.marker()?.heldBecause?.contains("behind") == true)
            #expect(try await bench.storedKeys().count == 1)
        }
    }

    @Test func tooManyStraysAreLeftForAPerson() async throws {
        try await withCatalog(Self.impatient) { bench in
            try await imports(bench, count: 2)
            for _ in 0..<2 {
                let stray = ObjectKey(image: .random(), nonce: .mint())
                await (try await bench.storage.create(stray, expectedBytes: nil)).abandon()
            }
            func named(_ change: (inout Sweeper.Limits) -> Void) async throws -> Int {
                let sweeper = sweeper(bench) {
                    $0.strayAge = .zero
                    change(&$0)
                }
                try await sweeper.nameStrays(in: bench.storage)
                return try await bench.store.queueStats().garbage
            }
            #expect(try await named { $0.maxDelete = 1 } == 0)
            #expect(try await named { $0.maxShare = 0.4 } == 0)
            #expect(try await bench.storage.marker()?.heldBecause == nil)
            #expect(try await named { $0.maxDelete = 2 } == 2)
        }
    }

    @Test func whatAnImageNamesIsNeverSwept() async throws {
        try await withCatalog(Self.impatient) { bench in
            let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: "kept") }
            var settings = WorkBench.settings
            settings.garbageGrace = .zero
            let task = try await bench.queue(server.url())
            _ = try await running([try bench.claimLoop()]) { try await bench.end(of: task.id) }
            let image = try #require(try await bench.store.image(task.image))
            let key = try #require(image.locations[WorkBench.storeID])
            // Fooled: somebody calls the image's own bytes garbage.
            _ = try await bench.client.send("ZADD", "{test}:garbage", "1", "main \(key)")
            #expect(try await sweeper(bench).sweep(bench.storage) == 0)
            #expect(try await bench.storedKeys().map(\.description) == [key])
            try await server.stop()
        }
    }

    @Test func straysAreFoundByListingAndOnlyTheyAreNamed() async throws {
        try await withCatalog(Self.impatient) { bench in
            let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: "kept") }
            let task = try await bench.queue(server.url())
            _ = try await running([try bench.claimLoop()]) { try await bench.end(of: task.id) }
            let stray = ObjectKey(image: .random(), nonce: .mint())
            await (try await bench.storage.create(stray, expectedBytes: nil)).abandon()
            try await sweeper(bench) { $0.strayAge = .zero }.nameStrays(in: bench.storage)
            #expect(try await bench.store.queueStats().garbage == 1)
            try await sweeper(bench).nameStrays(in: bench.storage)
            #expect(try await bench.store.queueStats().garbage == 1)
            try await server.stop()
        }
    }
}
