import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

/// The indexes that lists are read from; that they say what the records say is in `KeyInvariants` (I1).
@Suite struct IndexTests {
    private func indexes(_ fleet: Fleet) async throws -> Set<String> {
        let keys = try await fleet.client.send("KEYS", "{test}:index:*").array ?? []
        return Set(keys.compactMap(\.string).map { String($0.dropFirst("{test}:index:".count)) })
    }

    private func ids(_ index: ImageIndex, _ fleet: Fleet) async throws -> [ImageID] {
        let range = IndexRange(index, isDescending: false, after: nil, count: 100)
        return try await fleet.store.places([range])[0].compactMap(\.id)
    }

    private func change(_ id: ImageID, _ fleet: Fleet, _ apply: (inout ImageRecord) -> Void) async throws {
        let image = try await fleet.imageRecord(id)
        var changed = image
        apply(&changed)
        #expect(try await fleet.store.updateImage(image, to: changed) == .updated(revision: image.revision + 1))
        try await fleet.expectInvariants()
    }

    @Test("an image goes with every change from index to index, and leaves none behind")
    func changes() async throws {
        try await withFleet { fleet in
            var image = ImageRecord(id: .random())
            (image.name, image.owner, image.visibility) = ("a\0\u{1}\u{e9}", "p1", .private)
            (image.tags, image.isHidden) = (["t", "\0", "a:b{c}"], true)
            let id = image.id
            #expect(try await fleet.store.createImage(image) != nil)
            try await fleet.expectInvariants()
            let always: Set = ["images", "name", "updated"]
            let made = ["owner:p1", "visibility:private", "tag:t", "tag:\0", "tag:a:b{c}", "hidden", "inactive"]
            #expect(try await indexes(fleet) == always.union(made))

            try await change(id, fleet) { image in
                (image.name, image.owner, image.visibility) = (nil, "p2", .shared)
                (image.tags, image.isHidden, image.diskFormat, image.containerFormat) = (
                    ["t", "u"], false, "raw", "bare"
                )
            }
            let shared = ["owner:p2", "visibility:shared", "tag:t", "tag:u"]
            #expect(try await indexes(fleet) == always.union(shared + ["inactive"]))
            for project in ["m1", "m2"] {
                guard case .added = try await fleet.store.addMember(project, to: id, limit: 2) else {
                    Issue.record("not added")
                    return
                }
            }
            #expect(try await fleet.store.removeMember("m1", from: id) == .removed)
            try await fleet.expectInvariants()
            #expect(try await ids(.member("m2"), fleet) == [id])

            let task = Fleet.download(id)
            _ = try await fleet.store.createImport(task, wanted: .queued)
            try await fleet.expectInvariants()
            #expect(try await ids(.inactive, fleet) == [id])
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            try await fleet.expectInvariants()
            #expect(try await indexes(fleet) == always.union(shared + ["member:m2"]))
            for isActive in [false, true] {
                #expect(try await fleet.store.switchImage(id, isActive: isActive) == .switched)
                try await fleet.expectInvariants()
                #expect(try await ids(.inactive, fleet) == (isActive ? [] : [id]))
            }
            #expect(try await fleet.store.deleteImage(id) == .deleted)
            #expect(try await indexes(fleet) == [])
        }
    }

    @Test("the last change of an image is its place among the changed ones, whoever made it")
    func lastChange() async throws {
        try await withFleet { fleet in
            let (first, second) = (try await fleet.queue().image, try await fleet.image())
            let claim = try await fleet.claim()
            // Not in the millisecond of what was before.
            let before = try await fleet.imageRecord(second).updatedAtMs
            while try await now(fleet) <= before {}
            #expect(try await fleet.publish(claim) == .published)
            #expect(try await ids(.updated, fleet) == [second, first])
        }
    }

    private func now(_ fleet: Fleet) async throws -> Int64 {
        let time = try #require(try await fleet.client.send("TIME").array)
        return try #require(time[0].int) * 1000 + (try #require(time[1].int)) / 1000
    }

    @Test("names stand in the order of their bytes, those that begin alike one behind the other")
    func names() async throws {
        try await withFleet { fleet in
            let names = [
                nil, "", "\0", "\0\0", "\0a", "\u{1}", "a", "a\0", "a\0\u{1}", "a\u{1}", "ab", "e\u{301}", "\u{e9}",
            ]
            for name in names.shuffled() {
                var image = ImageRecord(id: .random())
                image.name = name
                #expect(try await fleet.store.createImage(image) != nil)
            }
            for isDescending in [false, true] {
                var found: [String?] = []
                var last: IndexPlace?
                repeat {
                    let range = IndexRange(.name, isDescending: isDescending, after: last, count: 2)
                    let part = try await fleet.store.places([range])[0]
                    for image in try await fleet.store.images(part.compactMap(\.id), fields: ["name"]) {
                        found.append(image.name)
                    }
                    last = part.last
                } while last != nil
                #expect((isDescending ? found.reversed() : found).map(bytes) == names.map(bytes))
            }
            for name in names.compactMap(\.self) {
                let found = try await fleet.store.images(named: [name])
                #expect(try await fleet.store.images(found, fields: ["name"]).map(\.name).map(bytes) == [bytes(name)])
                #expect(
                    try await fleet.store.sizes(of: [.named([name]), .ids([]), .union([.images, .updated])])
                        == [1, 0, 2 * names.count])
            }
        }
    }

    private func bytes(_ name: String?) -> [UInt8]? { name.map { Array($0.utf8) } }

    @Test("images of one millisecond, more than a part, are each met once in either direction")
    func oneMillisecond() async throws {
        try await withFleet { fleet in
            var ids: Set<ImageID> = []
            for _ in 0..<40 { ids.insert(ImageID.random()) }
            for id in ids {
                try await fleet.client.send("ZADD", "{test}:index:tag:t", id == ids.first ? 1 : 2, id.rawValue)
            }
            for isDescending in [false, true] {
                var met: [ImageID] = []
                var last: IndexPlace?
                repeat {
                    let range = IndexRange(.tag("t"), isDescending: isDescending, after: last, count: 3)
                    let part = try await fleet.store.places([range])[0]
                    met += part.compactMap(\.id)
                    last = part.last
                } while last != nil
                #expect(met.count == 40)
                #expect(Set(met) == ids)
            }
            try await fleet.client.send("DEL", "{test}:index:tag:t")
        }
    }

    @Test("a catalog of schema 1 is taken over, also where whoever began it did not come to the end")
    func olderSchema() async throws {
        try await withFleet { fleet in
            for number in 0..<600 {
                var image = ImageRecord(id: .random())
                (image.name, image.owner, image.tags) = ("n\(number)", "p\(number % 3)", ["t"])
                #expect(try await fleet.store.createImage(image) != nil)
            }
            _ = try await fleet.queue()
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            let catalog = try await fleet.store.openCatalog()
            let all = try await indexes(fleet)
            for isInterrupted in [false, true] {
                for index in all where index != "images" { try await fleet.client.send("DEL", "{test}:index:\(index)") }
                if isInterrupted {
                    try await fleet.client.send("HSET", fleet.store.keys.control, "unindexed", "1")
                } else {
                    try await fleet.client.send("HSET", fleet.store.keys.control, "schema_version", "1")
                }
                #expect(try await fleet.store.openCatalog() == catalog)
                #expect(try await indexes(fleet) == all)
                try await fleet.expectInvariants()
                try await fleet.store.expectCatalog()
                #expect(try await fleet.unchanged { try await fleet.store.openCatalog() } == catalog)
            }
        }
    }
}
