import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

@Suite struct GarbageTests {
    @Test("what an image, a stage or a running attempt names is never garbage")
    func named() async throws {
        try await withFleet { fleet in
            let done = try await fleet.queue()
            let winner = try await fleet.claim()
            #expect(try await fleet.publish(winner) == .published)
            let staged = try await fleet.image()
            let stage = try await fleet.stage(staged)
            let running = try await fleet.queue()
            let claim = try await fleet.claim()
            let objects = [
                (Fleet.main, "\(done.image)/\(winner.nonce)"), (Fleet.main, stage.key),
                (Fleet.main, "\(running.image)/\(claim.nonce)"),
            ]
            try await fleet.unchanged { try await fleet.store.nameGarbage(objects.map { (store: $0.0, key: $0.1) }) }
            // Even where something put them there, the sweeper is not given them.
            for (store, key) in objects {
                try await fleet.client.send("ZADD", fleet.store.keys.garbage, 1, "\(store) \(key)")
            }
            for store in [Fleet.main, Fleet.far] {
                let batch = try await fleet.store.takeGarbage(of: store, olderThan: .seconds(1), atMost: 100)
                #expect(batch.entries == [])
            }
            #expect(try await fleet.garbage() == [])
            #expect(try await fleet.store.counters()["faults:O6"] == 3)
            // The same objects in a store that does not hold them are garbage.
            let elsewhere = [(Fleet.far, stage.key), (Fleet.far, "\(running.image)/\(claim.nonce)")]
            try await fleet.store.nameGarbage(elsewhere.map { (store: $0.0, key: $0.1) })
            #expect(Set(try await fleet.garbage()) == Set(elsewhere.map { "\($0.0) \($0.1)" }))
        }
    }

    @Test("garbage is taken once it is old enough, and forgotten when it was removed and not named again")
    func cycle() async throws {
        try await withFleet { fleet in
            let keys = (0..<30).map { _ in "\(ImageID.random())/\(Nonce.mint())" }
            try await fleet.store.nameGarbage(keys.map { (store: Fleet.main, key: $0) })
            let young = try await fleet.store.takeGarbage(of: Fleet.main, olderThan: .seconds(600), atMost: 10)
            #expect(young.entries == [])
            #expect(young.total == 30)
            for key in keys { try await fleet.client.send("ZADD", fleet.store.keys.garbage, 5, "main \(key)") }
            let batch = try await fleet.store.takeGarbage(of: Fleet.main, olderThan: .seconds(600), atMost: 10)
            #expect(batch.entries.count == 10)
            #expect(batch.entries.allSatisfy { $0.score == "5" })
            let again = batch.entries[0].key
            try await fleet.store.nameGarbage([(store: Fleet.main, key: again)])
            try await fleet.store.finishGarbage(of: Fleet.main, batch.entries)
            #expect(try await fleet.garbage().count == 21)
            #expect(try await fleet.garbage().contains("main \(again)"))
            try await fleet.unchanged { try await fleet.store.finishGarbage(of: Fleet.main, batch.entries) }
        }
    }

    @Test("the garbage of one store does not hide another's, whose name may begin alike")
    func otherStore() async throws {
        try await withFleet { fleet in
            let pairs = (0..<3000).flatMap { _ in
                [1, "main2 \(ImageID.random())/\(Nonce.mint())"] as [any RedisArgument]
            }
            try await fleet.client.send(RedisCommand("ZADD", arguments: [fleet.store.keys.garbage] + pairs))
            let key = "\(ImageID.random())/\(Nonce.mint())"
            try await fleet.client.send("ZADD", fleet.store.keys.garbage, 2, "main \(key)")
            let batch = try await fleet.store.takeGarbage(of: Fleet.main, olderThan: .seconds(1), atMost: 5)
            #expect(batch.entries.map(\.key) == [key])
            #expect(batch.total == 3001)
        }
    }

    @Test("garbage of stores that nobody has any more does not starve the others, however much it is")
    func goneStores() async throws {
        try await withFleet { fleet in
            for _ in 0..<6 {
                let pairs = (0..<2500).flatMap { _ in
                    [1, "gone \(ImageID.random())/\(Nonce.mint())"] as [any RedisArgument]
                }
                try await fleet.client.send(RedisCommand("ZADD", arguments: [fleet.store.keys.garbage] + pairs))
            }
            let key = "\(ImageID.random())/\(Nonce.mint())"
            try await fleet.client.send("ZADD", fleet.store.keys.garbage, 2, "main \(key)")
            let batch = try await fleet.store.takeGarbage(of: Fleet.main, olderThan: .seconds(1), atMost: 5)
            #expect(batch.entries.map(\.key) == [key])
        }
    }

    @Test("strays of a listing are what nothing names and nobody has called garbage; asking changes nothing")
    func strays() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            let running = "\(task.image)/\(claim.nonce)"
            let known = "\(ImageID.random())/\(Nonce.mint())"
            try await fleet.store.nameGarbage([(store: Fleet.main, key: known)])
            let stray = "\(ImageID.random())/\(Nonce.mint())"
            let found = try await fleet.unchanged {
                let main = try await fleet.store.strays(among: [running, known, stray], in: Fleet.main)
                let far = try await fleet.store.strays(among: [known], in: Fleet.far)
                return [main, far, try await fleet.store.strays(among: [], in: Fleet.main)]
            }
            #expect(found == [[stray], [known], []])
        }
    }

    @Test("the sweeper is told which catalog Redis has now, and everything that makes objects moves the sequence")
    func catalogState() async throws {
        try await withFleet { fleet in
            var last = try await fleet.store.catalogState()
            #expect(last.id != nil)
            func moves(_ step: () async throws -> Void) async throws {
                try await step()
                let now = try await fleet.store.catalogState()
                #expect(now.sequence > last.sequence)
                last = now
            }
            let image = try await fleet.image()
            try await moves { _ = try await fleet.image() }
            try await moves { _ = try await fleet.stage(image) }
            try await moves {
                let task = Fleet.download(try await fleet.image())
                _ = try await fleet.store.createImport(task, wanted: .queued)
            }
            func taken() async throws -> CatalogState {
                try await fleet.store.takeGarbage(of: Fleet.main, olderThan: .zero, atMost: 5).catalog
            }
            #expect(try await taken() == last)
            let id = try #require(last.id)
            try await fleet.client.send("HDEL", fleet.store.keys.control, "catalog_id")
            #expect(try await taken() == CatalogState(id: nil, sequence: last.sequence))
            try await fleet.client.send("HSET", fleet.store.keys.control, "catalog_id", id)
        }
    }
}
