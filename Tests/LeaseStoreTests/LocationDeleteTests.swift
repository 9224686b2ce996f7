import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

/// An image is deleted from one of the stores that have it.
@Suite struct LocationDeleteTests {
    private static func copy(_ image: ImageID) -> NewTask {
        NewTask(
            id: .random(), image: image, request: ImportRequest(method: .copyImage, stores: [Fleet.far]), owner: "a")
    }

    /// An image in `main` and `far`.
    private static func copied(_ fleet: Fleet) async throws -> ImageID {
        let image = try await fleet.active()
        try await locate(image, fleet)
        return image
    }

    @discardableResult
    private static func locate(_ image: ImageID, _ fleet: Fleet) async throws -> Claim {
        _ = try await fleet.create(copy(image))
        let claim = try await fleet.claim(stores: [Fleet.main, Fleet.far])
        #expect(try await fleet.locate(claim, Fleet.far) == .located)
        #expect(try await fleet.publish(claim, stores: []) == .published)
        return claim
    }

    @Test func `the object becomes garbage, and the other stores have the image as before`() async throws {
        try await withFleet { fleet in
            let image = try await Self.copied(fleet)
            let before = try await fleet.imageRecord(image)
            let known = try await fleet.store.takeGarbage(of: Fleet.main, olderThan: .zero, atMost: 10)
            let key = try #require(before.locations[Fleet.main])
            #expect(try await fleet.store.deleteLocation(of: image, in: Fleet.main) == .deleted)
            var after = try await fleet.imageRecord(image)
            #expect(after.locations == [Fleet.far: try #require(before.locations[Fleet.far])])
            #expect(try await fleet.garbage() == ["main \(key)"])
            after.locations = before.locations
            after.updatedAtMs = before.updatedAtMs
            #expect(after == before)
            let again = try await fleet.unchanged { try await fleet.store.deleteLocation(of: image, in: Fleet.main) }
            #expect(again == .noLocation)
            #expect(try await fleet.look().faults.isEmpty)
            let taken = try await fleet.store.takeGarbage(of: Fleet.main, olderThan: .zero, atMost: 10)
            #expect(taken.entries.map(\.key) == [key])
            // A Redis that has lost this is behind the mark that the store gets now.
            #expect(known.entries.isEmpty && taken.catalog.sequence == known.catalog.sequence + 1)
        }
    }

    @Test func `what may not be is refused, and changes nothing`() async throws {
        try await withFleet { fleet in
            func refused(_ image: ImageID, _ store: StoreID = Fleet.main) async throws -> LocationDeleteReply {
                try await fleet.unchanged { try await fleet.store.deleteLocation(of: image, in: store) }
            }
            #expect(try await refused(.random()) == .noImage)
            let image = try await fleet.active()
            #expect(try await refused(image) == .lastLocation)
            #expect(try await refused(image, Fleet.far) == .noLocation)
            _ = try await fleet.store.switchImage(image, isActive: false)
            #expect(try await refused(image) == .wrongStatus(.deactivated))
            let waiting = try await fleet.queue()
            #expect(try await refused(waiting.image) == .wrongStatus(.importing))
            _ = try await fleet.store.deleteImage(image)
            #expect(try await refused(image) == .noImage)
        }
    }

    @Test func `a copy that waits or runs is waited for, and puts nothing back afterwards`() async throws {
        try await withFleet { fleet in
            let image = try await Self.copied(fleet)
            #expect(try await fleet.store.deleteLocation(of: image, in: Fleet.far) == .deleted)
            let task = Self.copy(image)
            _ = try await fleet.create(task)
            #expect(try await fleet.store.deleteLocation(of: image, in: Fleet.main) == .locked(task.id))
            let claim = try await fleet.claim(stores: [Fleet.main, Fleet.far])
            #expect(try await fleet.locate(claim, Fleet.far) == .located)
            let refused = try await fleet.unchanged {
                try await fleet.store.deleteLocation(of: image, in: Fleet.far)
            }
            #expect(refused == .locked(task.id))
            _ = try await fleet.store.cancel(task.id, message: "enough")
            #expect(try await fleet.store.deleteLocation(of: image, in: Fleet.far) == .deleted)
            // The worker of the copy does not know yet.
            #expect(try await fleet.locate(claim, Fleet.far) == .lost(LostLease(why: .ended(.cancelled))))
            #expect(try await fleet.imageRecord(image).locations.keys.map(\.rawValue) == ["main"])
            let next = try await Self.locate(image, fleet)
            let key = ObjectKey(image: image, nonce: next.nonce).description
            #expect(try await fleet.imageRecord(image).locations[Fleet.far] == key)
        }
    }

    @Test func `a lock of nobody keeps no image in a store`() async throws {
        try await withFleet { fleet in
            let image = try await Self.copied(fleet)
            try await fleet.client.send("SET", fleet.store.keys.lock(image), TaskID.random().rawValue)
            #expect(try await fleet.store.deleteLocation(of: image, in: Fleet.main) == .deleted)
            try await fleet.client.send("DEL", fleet.store.keys.lock(image))
        }
    }
}
