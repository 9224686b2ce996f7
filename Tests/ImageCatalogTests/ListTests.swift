import ImportModel
import LeaseStore
import RedisClient
import TestSupport
import Testing

@testable import ImageCatalog

/// Lists by way of the indexes, compared with looking at every image there is.
@Suite struct ListTests {
    private struct Shelf {
        let store: LeaseStore
        let redis: RedisClient

        /// An entry that stands before all others.
        func put(_ id: ImageID, into index: String) async throws {
            try await redis.send("ZADD", "{test}:index:\(index)", 1, id.rawValue)
        }

        func all() async throws -> [ImageRecord] {
            let ids = try await store.imageIDs(newestFirst: true, offset: 0, count: .max >> 1)
            return try await store.images(ids)
        }
    }

    private func withImages(_ count: Int, _ body: (Shelf) async throws -> Void) async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { redis in
                let store = LeaseStore(redis: redis, keys: try Keys(prefix: "test"), settings: LeaseSettings())
                _ = try await store.openCatalog()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<count { group.addTask { try await Self.add(number, to: store) } }
                    try await group.waitForAll()
                }
                try await body(Shelf(store: store, redis: redis))
            }
        }
    }

    /// Every attribute takes each of its values with each of the others': the numbers of values have no common divisor.
    private static func add(_ number: Int, to store: LeaseStore) async throws {
        var image = ImageRecord(id: .random())
        image.name = [nil, "a", "b", "a\0", "\u{e9}", "name \(number)", "z"][number % 7]
        image.owner = ["p1", "p2", "p3", nil, "p1"][number % 5]
        image.visibility = [.shared, .private, .public, .community][number % 4]
        image.isHidden = number % 11 == 0
        image.tags = Set(["x", "y", "z"].prefix(number % 3))
        image.minDisk = number % 9
        image.properties = ["kind": "\(number % 13)"]
        image.diskFormat = [nil, "raw", "qcow2"][number % 3]
        _ = try await store.createImage(image)
        if image.visibility == .shared, number % 8 == 0 {
            _ = try await store.addMember("p2", to: image.id, limit: 1)
            if number % 16 == 0 { _ = try await store.answer(.accepted, of: "p2", to: image.id) }
        }
    }

    private static let filters = [
        "", "name=a", "name=in:a,z,nothing", "name=eq:nothing", "tag=x", "tag=x&tag=y", "tag=nothing", "owner=p1",
        "owner=p2&tag=y", "os_hidden=true", "os_hidden=true&name=a", "status=queued", "status=active",
        "status=in:active,queued", "visibility=public", "visibility=private", "visibility=shared",
        "visibility=community", "visibility=all", "visibility=all&name=b", "member_status=all",
        "visibility=shared&member_status=pending", "kind=3", "min_disk=4&name=z", "disk_format=raw",
        "created_at=gte:2020-01-01",
    ]
    private static let orders = [
        "", "sort=created_at:asc", "sort=created_at:desc,id:asc", "sort=created_at:asc,name:desc", "sort=name:asc",
        "sort=name:desc", "sort=name:asc,size:desc", "sort=name:desc,id:asc", "sort=name:asc,created_at:desc",
        "sort=updated_at:desc", "sort=updated_at:asc", "sort=updated_at:asc,name:asc", "sort=id:asc",
        "sort=size:desc,disk_format:asc", "sort=status:asc,name:asc",
    ]
    private static let callers: [Caller] = {
        let admin = Caller(project: "p1", user: "u", roles: ["admin"])
        let others = [("p1", "member"), ("p2", "reader"), ("stranger", "member"), ("", "member"), ("p9", "service")]
        // One who sees everything though he is no administrator.
        var loose = Policy()
        do { try loose.set("get_image", to: "service") } catch { Issue.record("\(error)") }
        return [admin] + others.map { Caller(project: $0.0, user: "u", roles: [$0.1]) } + [
            Caller(project: "p2", user: "u", roles: ["service"], policy: loose)
        ]
    }()

    /// What a look at all images gives.
    private static func expected(of images: [ImageRecord], _ query: ImageQuery, _ caller: Caller) -> [ImageID] {
        images.filter { query.matches($0, for: caller) }.sorted(by: query.order.precedes).map(\.id)
    }

    @Test("every list is what a look at all images gives, page by page, whichever way it is read")
    func pages() async throws {
        try await withImages(200) { shelf in
            let images = try await shelf.all()
            #expect(images.count == 200)
            for (who, caller) in Self.callers.enumerated() {
                for (which, filter) in Self.filters.enumerated() {
                    // An administrator's in every other order, everybody else's in a fifth of them.
                    let share = who == 0 ? 2 : 5
                    for (how, order) in Self.orders.enumerated() where (who + which + how).isMultiple(of: share) {
                        let text = filter + "&" + order
                        let query = try ImageQuery(try #require(PercentCoding.parameters(text)))
                        let expected = Self.expected(of: images, query, caller)
                        // As a whole, and by reading on; in parts of many and of few.
                        for (few, step, limit) in [(2000, 500, 1000), (0, 7, 60)] {
                            var found: [ImageID] = []
                            while true {
                                let marker = found.last.map { "&marker=\($0)" } ?? ""
                                let page = try ImageQuery(
                                    try #require(PercentCoding.parameters("\(text)&limit=\(limit)\(marker)")))
                                let ids = try await ImageSearch(shelf.store, page, for: caller, few: few, step: step)
                                    .page()
                                found += ids
                                if ids.count < limit { break }
                            }
                            #expect(
                                found == expected,
                                "\(text) for \(caller.project) \(caller.roles), few \(few), step \(step)")
                        }
                    }
                }
            }
        }
    }

    @Test("a walk misses nobody whose neighbours come and go")
    func movingWalk() async throws {
        try await withImages(120) { shelf in
            let images = try await shelf.all()
            for isDescending in [false, true] {
                var walk = IndexWalk([.images, .tag("x"), .owner("p1")], isDescending: isDescending, after: nil)
                var met: [ImageID] = []
                var gone: Set<ImageID> = []
                while true {
                    let ids = try await walk.next(5, from: shelf.store).compactMap(\.id)
                    guard let last = ids.last else { break }
                    met += ids
                    if gone.count < 10 {
                        #expect(try await shelf.store.deleteImage(last) == .deleted)
                        gone.insert(last)
                    }
                }
                #expect(Set(met).count == met.count)
                let stayed = try await shelf.all().map(\.id)
                #expect(Set(met).isSuperset(of: stayed))
                #expect(met == (isDescending ? images : images.reversed()).map(\.id).filter { Set(met).contains($0) })
            }
        }
    }

    @Test("an entry that the record does not bear out lists nothing, and one that moved meanwhile hides nothing")
    func staleEntries() async throws {
        try await withImages(40) { shelf in
            let images = try await shelf.all()
            for image in images.prefix(3) { try await shelf.put(image.id, into: "tag:x") }
            try await shelf.put(images[3].id, into: "updated")
            let place = ImageIndex.name.place(of: images[4])
            try await shelf.redis.send("ZREM", "{test}:index:name", place.entry)
            try await shelf.redis.send("ZADD", "{test}:index:name", 0, "1\0\0" + place.entry.suffix(49))
            try await shelf.put(.random(), into: "images")
            let caller = Self.callers[0]
            for text in ["tag=x&sort=created_at:asc", "sort=updated_at:asc&limit=3", "sort=name:asc&limit=9", ""] {
                let query = try ImageQuery(try #require(PercentCoding.parameters(text)))
                let expected = Self.expected(of: images, query, caller)
                let ids = try await ImageSearch(shelf.store, query, for: caller, few: 0, step: 5).page()
                #expect(ids == Array(expected.prefix(query.limit)), "\(text)")
            }
        }
    }

    @Test("what a page needs is read and no more, however many images there are")
    func looks() async throws {
        try await withImages(1200) { shelf in
            for (text, caller, bound) in [
                ("", 0, 80), ("", 1, 80), ("", 3, 80), ("sort=name:asc", 0, 80), ("sort=updated_at:desc", 0, 80),
                ("name=name%20705", 0, 1), ("name=name%20705&sort=size:asc", 3, 1), ("tag=y&limit=10", 0, 30),
                ("owner=nobody", 0, 0), ("os_hidden=true&limit=10", 0, 30), ("id=\(ImageID.random())", 1, 1),
                ("visibility=private&owner=p2&limit=5", 0, 80),
            ] {
                try await shelf.redis.send("CONFIG", "RESETSTAT")
                let query = try ImageQuery(try #require(PercentCoding.parameters(text)))
                _ = try await ImageSearch(shelf.store, query, for: Self.callers[caller], few: 20).page()
                let stats = try await shelf.redis.send("INFO", "commandstats").string ?? ""
                let line = stats.split(whereSeparator: \.isNewline).first { $0.hasPrefix("cmdstat_hmget:calls=") }
                let calls = line?.split { $0 == "=" || $0 == "," }.dropFirst().first.flatMap { Int($0) } ?? 0
                #expect(calls <= bound && (calls > 0 || bound == 0), "\(text): \(calls) images looked at")
            }
        }
    }
}
