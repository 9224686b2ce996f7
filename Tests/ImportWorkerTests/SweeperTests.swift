import FilesystemStorage
import ImageStorage
import ImportModel
import LeaseStore
import NIOCore
import RedisClient
import TestSupport
import Testing

@testable import ImportWorker

@Suite struct SweeperTests {
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

    private static var impatient: LeaseSettings {
        var settings = WorkBench.settings
        settings.beat = .milliseconds(1)
        settings.lease = .milliseconds(3)
        settings.margin = .milliseconds(1)
        return settings
    }

    @Test func garbageGoesOnceItIsOldEnough() async throws {
        try await WorkBench.with(LeaseSettings()) { bench in
            try await garbage(bench)
            #expect(try await sweeper(bench).sweep(bench.storage) == 0)
            #expect(try await bench.storedKeys().count == 1)
        }
        try await WorkBench.with(Self.impatient) { bench in
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

    @Test func nothingGoesFromAStoreOfAnotherCatalogOrAheadOfThisRedis() async throws {
        try await WorkBench.with(Self.impatient) { bench in
            try await garbage(bench)
            try await bench.storage.setMarker(StoreMarker(catalogId: "another", mark: 0))
            #expect(try await sweeper(bench).sweep(bench.storage) == 0)
            try await bench.storage.setMarker(StoreMarker(catalogId: WorkBench.catalogID, mark: 1000))
            #expect(try await sweeper(bench).sweep(bench.storage) == 0)
            #expect(try await bench.storedKeys().count == 1)
        }
    }

    @Test func tooMuchAtOnceIsLeftForAPerson() async throws {
        try await WorkBench.with(Self.impatient) { bench in
            try await garbage(bench, count: 3)
            try await eventually {
                try await bench.store.takeGarbage(
                    of: WorkBench.storeID, olderThan: Self.impatient.lease, atMost: 9
                ).entries.count == 3
            }
            #expect(try await sweeper(bench) { $0.maxDelete = 2 }.sweep(bench.storage) == 0)
            #expect(try await bench.storedKeys().count == 3)
            #expect(try await sweeper(bench) { $0.maxDelete = 3 }.sweep(bench.storage) == 3)
        }
    }

    @Test func whatAnImageNamesIsNeverSwept() async throws {
        try await WorkBench.with(Self.impatient) { bench in
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
        try await WorkBench.with(Self.impatient) { bench in
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
