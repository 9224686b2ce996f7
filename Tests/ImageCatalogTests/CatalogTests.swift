import ImageCatalog
import ImportModel
import LeaseStore
import Logging
import RedisClient
import TestSupport
import Testing

@Suite struct CatalogTests {
    private let admin = Caller(project: "default", user: "u", roles: ["admin"])

    private func withCatalog(_ body: (Catalog, LeaseStore) async throws -> Void) async throws {
        try await withRedis { server in
            try await withClient(server.configuration) { redis in
                let store = LeaseStore(redis: redis, keys: try Keys(prefix: "test"), settings: LeaseSettings())
                _ = try await store.openCatalog()
                try await body(Catalog(store: store, patience: .milliseconds(100)), store)
            }
        }
    }

    private func json(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8)) }

    private func list(_ catalog: Catalog, _ query: String) async throws -> [String] {
        let query = try ImageQuery(try #require(PercentCoding.parameters(query)))
        let page = try await catalog.list(query, for: admin)
        return try await page.images(0..<page.ids.count).map { $0.name ?? "" }
    }

    @Test func anImageIsCreatedShownChangedAndDeleted() async throws {
        try await withCatalog { catalog, _ in
            let body = try json(
                #"{"name": "a", "disk_format": "raw", "os_distro": "debian", "tags": ["t"], "min_ram": 5}"#)
            let created = try await catalog.create(body, by: admin)
            #expect(created.owner == "default")
            let shown = try await catalog.image(created.id.rawValue, for: admin)
            #expect(shown == created)
            let patch = try ImagePatch(
                mediaType: ImagePatch.mediaType, body: try json(#"[{"op": "remove", "path": "/os_distro"}]"#))
            let changed = try await catalog.patch(created.id.rawValue, patch, by: admin)
            #expect(changed.properties.isEmpty)
            #expect(changed.revision == 1)
            try await catalog.delete(created.id.rawValue, by: admin)
            await #expect(throws: CatalogError.self) { try await catalog.image(created.id.rawValue, for: admin) }
            await #expect(throws: CatalogError.self) { try await catalog.delete(created.id.rawValue, by: admin) }
        }
    }

    @Test func anIDIsTakenOnce() async throws {
        try await withCatalog { catalog, _ in
            let body = JSON.object(["id": .string(ImageID.random().rawValue)])
            _ = try await catalog.create(body, by: admin)
            await #expect(throws: CatalogError.self) { try await catalog.create(body, by: admin) }
        }
    }

    @Test func aProtectedImageStays() async throws {
        try await withCatalog { catalog, _ in
            let image = try await catalog.create(.object(["protected": .bool(true)]), by: admin)
            await #expect(throws: CatalogError.self) { try await catalog.delete(image.id.rawValue, by: admin) }
        }
    }

    @Test func strangersAreToldThatAPrivateImageIsNotThere() async throws {
        try await withCatalog { catalog, _ in
            let image = try await catalog.create(.object(["visibility": .string("private")]), by: admin)
            let stranger = Caller(project: "other", user: "u", roles: ["member"])
            await #expect(throws: CatalogError.noImage(image.id.rawValue)) {
                try await catalog.image(image.id.rawValue, for: stranger)
            }
        }
    }

    @Test func pagesInOrderOfCreationMissNothingAndRepeatNothing() async throws {
        try await withCatalog { catalog, _ in
            var names: [String] = []
            for index in 0..<130 {
                let name = "n\(index)"
                names.append(name)
                _ = try await catalog.create(.object(["name": .string(name)]), by: admin)
            }
            var seen: [String] = []
            var marker: ImageID?
            repeat {
                let link = marker.map { "&marker=\($0)" } ?? ""
                let query = try ImageQuery(try #require(PercentCoding.parameters("limit=50" + link)))
                let page = try await catalog.list(query, for: admin)
                seen += try await page.images(0..<50).map { $0.name ?? "" }
                marker = page.ids.count == 50 ? page.ids.last : nil
            } while marker != nil
            #expect(seen.count == 130)
            #expect(Set(seen) == Set(names))
            #expect(try await list(catalog, "limit=1000&sort=created_at:asc") == seen.reversed())
            #expect(try await list(catalog, "limit=0").isEmpty)
            #expect(try await list(catalog, "").count == 25)
        }
    }

    @Test func anyOtherOrderPagesToo() async throws {
        try await withCatalog { catalog, _ in
            var ids: [String: ImageID] = [:]
            for name in ["c", "a", "d", "b"] {
                ids[name] = try await catalog.create(.object(["name": .string(name)]), by: admin).id
            }
            _ = try await catalog.create(.object([:]), by: admin)
            #expect(try await list(catalog, "sort=name:asc") == ["", "a", "b", "c", "d"])
            #expect(try await list(catalog, "sort_key=name&sort_dir=desc&limit=2") == ["d", "c"])
            let marker = try #require(ids["b"])
            #expect(try await list(catalog, "sort=name:asc&limit=1&marker=\(marker)") == ["c"])
            #expect(try await list(catalog, "sort=status,name:asc") == ["", "a", "b", "c", "d"])
            #expect(try await list(catalog, "name=in:a,d&sort=name") == ["d", "a"])
        }
    }

    @Test func aMarkerThatIsNotThereIsRefused() async throws {
        try await withCatalog { catalog, _ in
            await #expect(throws: CatalogError.self) { try await list(catalog, "marker=\(ImageID.random())") }
        }
    }

    @Test func changesMadeAtOnceAreAllKept() async throws {
        try await withCatalog { catalog, _ in
            let image = try await catalog.create(.object([:]), by: admin)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<4 {
                    let change = JSON.object([
                        "op": .string("add"), "path": .string("/p\(index)"), "value": .string("v"),
                    ])
                    let patch = try ImagePatch(mediaType: ImagePatch.mediaType, body: .array([change]))
                    group.addTask { _ = try await catalog.patch(image.id.rawValue, patch, by: admin) }
                }
                try await group.waitForAll()
            }
            #expect(try await catalog.image(image.id.rawValue, for: admin).properties.count == 4)
        }
    }
}
