import FilesystemStorage
import ImageAPI
import ImageCatalog
import ImageStorage
import ImportModel
import LeaseStore
import NIOCore
import NIOHTTP1
import RedisClient
import Testing

/// What the operator says of stores and methods, as clients see it.
@Suite struct StoresTests {
    /// `second` weighs more than the default store.
    private static func weigh(_ parts: inout ImageService.Parts) {
        parts.stores[1] = .init(
            storage: parts.stores[1].storage, weight: 5, properties: ["data_dir": "/srv/second"])
    }

    private static func close(_ parts: inout ImageService.Parts) {
        parts.stores[1] = .init(storage: ReadOnlyStorage(parts.stores[1].storage))
    }

    /// An active image with `one` in the default store and `two` in the other, which no real image would have: so it
    /// shows which of them is read.
    private static func twofold(_ service: RunningService, as project: String? = nil) async throws -> String {
        let id = try await service.newImage(as: project)
        try await service.makeActive(id, Array("one".utf8))
        let key = ObjectKey(image: try #require(ImageID(rawValue: id)), nonce: .mint())
        let writer = try await service.second.create(key, expectedBytes: 3)
        try await writer.write(ByteBuffer(string: "two"))
        let digests = ContentDigests(
            md5: String(repeating: "0", count: 32), sha512: String(repeating: "0", count: 128))
        try await writer.commit(ObjectDescription(image: key.image, sizeBytes: 3, digests: digests))
        try await service.client.send("HSET", "{test}:image:\(id)", "loc:second", key.description)
        return id
    }

    @Test func `the details of a store are its weight, where it is, and whether it is closed`() async throws {
        try await RunningService.run(tune: Self.weigh) { service in
            let stores = try #require(
                try await service.send(.GET, "/v2/info/stores/detail").object["stores"]?.array)
            #expect(stores.map { $0.object?["weight"] } == [.integer(0), .integer(5)])
            #expect(stores[1].object?["properties"] == .object(["data_dir": .string("/srv/second")]))
            #expect(stores.allSatisfy { $0.object?["read-only"] == nil })
        }
        try await RunningService.run(tune: Self.close) { service in
            let stores = try #require(try await service.send(.GET, "/v2/info/stores").object["stores"]?.array)
            #expect(stores.map { $0.object?["read-only"] } == [nil, .string("true")])
            #expect(stores[1].object?["weight"] == nil)
        }
    }

    @Test func `data is read from the heaviest store, or from those that the client prefers`() async throws {
        try await RunningService.run { service in
            let id = try await Self.twofold(service)
            #expect(try await service.image(id)["stores"] == .string("main,second"))
            for (query, text) in [
                ("", "one"), ("?prefer=second", "two"), ("?prefer=second,main", "two"), ("?prefer=main,second", "one"),
                ("?prefer=", "one"),
            ] {
                #expect(try await service.send(.GET, "/v2/images/\(id)/file\(query)").text == text, "\(query)")
            }
            let unknown = try await service.send(.GET, "/v2/images/\(id)/file?prefer=main,nope")
            #expect(unknown.status == 400 && unknown.text.contains("'nope'"))
            // Preferred is not demanded.
            try await service.client.send("HDEL", "{test}:image:\(id)", "loc:second")
            #expect(try await service.send(.GET, "/v2/images/\(id)/file?prefer=second").text == "one")
        }
        try await RunningService.run(tune: Self.weigh) { service in
            let id = try await Self.twofold(service)
            #expect(try await service.image(id)["stores"] == .string("second,main"))
            let listed = try await service.send(.GET, "/v2/images").object["images"]?.array?.first?.object
            #expect(listed?["stores"] == .string("second,main"))
            #expect(try await service.send(.GET, "/v2/images/\(id)/file").text == "two")
            #expect(try await service.send(.GET, "/v2/images/\(id)/file?prefer=main").text == "one")
        }
    }

    @Test func `nothing new is put into a store that is read-only, and what it has is served`() async throws {
        try await RunningService.run(tune: Self.close) { service in
            let created = try await service.send(
                .POST, "/v2/images", json: #"{"disk_format": "raw", "container_format": "bare"}"#)
            #expect(created.headers.first(name: "OpenStack-image-store-ids") == "main")
            let id = try #require(try created.object["id"]?.string)
            let method = #""method": {"name": "web-download", "uri": "http://example.com/x"}"#
            let named = try await service.importImage(id, #"{\#(method), "stores": ["main", "second"]}"#)
            #expect(named.status == 409 && named.text.contains("read-only"), "\(named.text)")
            let upload = try await service.upload(id, [1], [("X-Image-Meta-Store", "second")])
            #expect(upload.status == 410 && upload.text.contains("read-only"), "\(upload.text)")
            #expect(try await service.second.list(after: nil).objects.isEmpty)
            #expect(try await service.importImage(id, #"{\#(method), "all_stores": true}"#).status == 202)
            #expect(try await service.image(id)["os_glance_importing_to_stores"] == .string("main"))
            let old = try await Self.twofold(service)
            #expect(try await service.send(.GET, "/v2/images/\(old)/file?prefer=second").text == "two")
            #expect(try await service.send(.GET, "/readyz").status == 200)
        }
    }

    @Test func `a failed import into a store that was closed since is not retried`() async throws {
        try await RunningService.run(tune: Self.close) { service in
            let id = try #require(ImageID(rawValue: try await service.newImage()))
            let task = NewTask(
                id: .random(), image: id,
                request: ImportRequest(method: .webDownload, uri: "http://example.com/x", stores: [service.second.id]),
                owner: "default", requestID: "r")
            _ = try await service.store.createImport(task, wanted: .queued)
            _ = try await service.store.cancel(task.id, message: "enough")
            let answer = try await service.send(.POST, "/longshore/v1/tasks/\(task.id)/retry")
            #expect(answer.status == 409 && answer.text.contains("read-only"), "\(answer.text)")
        }
    }

    @Test func `only the methods that the operator offers are told of and accepted`() async throws {
        try await RunningService.run(tune: { $0.methods = [.copyImage, .webDownload] }) { service in
            let told = try await service.send(.GET, "/v2/info/import").object["import-methods"]?.object
            #expect(told?["value"] == .array(["copy-image", "web-download"].map(JSON.string)))
            let created = try await service.send(
                .POST, "/v2/images", json: #"{"disk_format": "raw", "container_format": "bare"}"#)
            #expect(created.headers.first(name: "OpenStack-image-import-methods") == "copy-image,web-download")
            let id = try #require(try created.object["id"]?.string)
            #expect(try await service.upload(id, [1], to: "stage").status == 404)
            let answer = try await service.importImage(id, #"{"method": {"name": "glance-direct"}}"#)
            #expect(answer.status == 400 && answer.text.contains("copy-image, web-download"), "\(answer.text)")
            #expect(try await service.importImage(id).status == 202)
        }
        try await RunningService.run(tune: { $0.methods = [] }) { service in
            let id = try #require(ImageID(rawValue: try await service.newImage()))
            #expect(try await service.importImage(id.rawValue).status == 400)
            let task = NewTask(
                id: .random(), image: id,
                request: ImportRequest(method: .webDownload, uri: "http://example.com/x", stores: [service.main.id]),
                owner: "default", requestID: "r")
            _ = try await service.store.createImport(task, wanted: .queued)
            _ = try await service.store.cancel(task.id, message: "enough")
            #expect(try await service.send(.POST, "/longshore/v1/tasks/\(task.id)/retry").status == 409)
        }
    }

    @Test func `an image is deleted from one of its stores, but not from the last`() async throws {
        try await RunningService.run { service in
            let id = try await Self.twofold(service)
            func delete(_ store: String, _ image: String? = nil) async throws -> Int {
                try await service.send(.DELETE, "/v2/stores/\(store)/\(image ?? id)").status
            }
            #expect(try await delete("nope") == 409)
            #expect(try await delete("main", "x") == 404)
            #expect(try await delete("main", try await service.newImage()) == 409)
            #expect(try await service.send(.DELETE, "/v2/stores/main/\(id)", as: "other").status == 404)
            let other = try await service.send(.GET, "/v2/stores/main/\(id)")
            #expect(other.status == 405 && other.headers.first(name: "Allow") == "DELETE")
            #expect(try await service.send(.POST, "/v2/images/\(id)/actions/deactivate").status == 204)
            #expect(try await delete("main") == 409)
            #expect(try await service.send(.POST, "/v2/images/\(id)/actions/reactivate").status == 204)
            #expect(try await service.image(id)["stores"] == .string("main,second"))

            #expect(try await delete("main") == 204)
            #expect(try await service.image(id)["stores"] == .string("second"))
            #expect(try await service.send(.GET, "/v2/images/\(id)/file").text == "two")
            #expect(try await delete("main") == 404)
            let last = try await service.send(.DELETE, "/v2/stores/second/\(id)")
            #expect(last.status == 403 && last.text.contains("no other store"), "\(last.text)")
        }
    }

    @Test func `while an image is copied it is not deleted from a store`() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [1])
            let started = try await service.importImage(
                id, #"{"method": {"name": "copy-image"}, "stores": ["second"]}"#)
            let task = try #require(started.headers.first(name: "X-Longshore-Task"))
            let answer = try await service.send(.DELETE, "/v2/stores/main/\(id)")
            #expect(answer.status == 409 && answer.text.contains(task), "\(answer.text)")
        }
    }

    @Test func `only whom the policy admits deletes from a store, and never from one that is read-only`() async throws {
        var open = Policy()
        try open.set("delete_image_location", to: "owner")
        for (policy, status) in [(Policy(), 403), (open, 204)] {
            try await RunningService.run(policy: policy) { service in
                let id = try await Self.twofold(service, as: "mine")
                let answer = try await service.send(.DELETE, "/v2/stores/second/\(id)", as: "mine")
                #expect(answer.status == status, "\(answer.text)")
                if status == 403 { #expect(answer.text.contains("delete_image_location")) }
            }
        }
        try await RunningService.run(tune: Self.close) { service in
            let id = try await Self.twofold(service)
            let answer = try await service.send(.DELETE, "/v2/stores/second/\(id)")
            #expect(answer.status == 403 && answer.text.contains("read-only"), "\(answer.text)")
            #expect(try await service.send(.DELETE, "/v2/stores/main/\(id)").status == 204)
        }
    }

    @Test func `without quotas the usage of none is told`() async throws {
        try await RunningService.run { service in
            let answer = try await service.send(.GET, "/v2/info/usage")
            #expect(try answer.status == 200 && answer.object == ["usage": .object([:])], "\(answer.text)")
        }
    }

    @Test func `tasks say which user asked for them`() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage(as: "mine")
            let started = try await service.send(
                .POST, "/v2/images/\(id)/import", as: "mine",
                json: #"{"method": {"name": "web-download", "uri": "http://example.com/x"}}"#)
            let task = try #require(started.headers.first(name: "X-Longshore-Task"))
            let rows = try await service.send(.GET, "/v2/images/\(id)/tasks").object["tasks"]?.array
            #expect(rows?.first?.object?["user_id"] == .string("mine"))
            #expect(try await service.send(.GET, "/v2/tasks/\(task)").object["user_id"] == .string("mine"))
            let id2 = try #require(TaskID(rawValue: task))
            _ = try await service.store.cancel(id2, message: "enough")
            let retried = try await service.send(.POST, "/longshore/v1/tasks/\(task)/retry")
            let next = try #require(try retried.object["id"]?.string)
            #expect(try await service.send(.GET, "/v2/tasks/\(next)").object["user_id"] == .string("default"))
        }
    }
}
