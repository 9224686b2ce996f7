import FilesystemStorage
import ImageCatalog
import ImportModel
import LeaseStore
import NIOHTTP1
import RedisClient
import Testing

/// `copy-image` as the Image API takes it.
@Suite struct CopyTests {
    private static func order(_ more: String = "") -> String { #"{"method": {"name": "copy-image"}\#(more)}"# }

    @Test func `a copy is accepted, and the image stays active`() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [1, 2, 3])
            let answer = try await service.importImage(
                id, Self.order(#", "stores": ["second"], "all_stores_must_succeed": false"#))
            #expect(answer.status == 202, "\(answer.text)")
            let task = try #require(answer.headers.first(name: "X-Longshore-Task").flatMap(TaskID.init(rawValue:)))
            let record = try #require(try await service.store.task(task))
            #expect(
                record.request
                    == ImportRequest(
                        method: .copyImage, stores: [service.second.id], allStoresMustSucceed: false, user: "default"))
            #expect(record.kind == .import && record.bytesTotal == 3)
            let image = try await service.image(id)
            #expect(image["status"] == .string("active") && image["stores"] == .string("main"))
            #expect(image["os_glance_importing_to_stores"] == .string("second"))
            #expect(image["os_glance_import_task"] == .string(task.rawValue))
            let second = try await service.importImage(id, Self.order(#", "stores": ["second"]"#))
            #expect(second.status == 409 && second.text.contains("prior operation is still in progress"))
        }
    }

    @Test func `of all stores those are left out that have the image, and nothing left is nothing to do`() async throws
    {
        try await RunningService.run { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [1])
            let answer = try await service.importImage(id, Self.order(#", "all_stores": true"#))
            #expect(answer.status == 202)
            #expect(try await service.image(id)["os_glance_importing_to_stores"] == .string("second"))
            let task = try #require(answer.headers.first(name: "X-Longshore-Task").flatMap(TaskID.init(rawValue:)))
            _ = try await service.store.cancel(task, message: "enough")
            let imageID = try #require(ImageID(rawValue: id))
            try await service.client.send("HSET", "{test}:image:\(id)", "loc:second", "\(id)/x")
            let tasks = try await service.store.tasks(of: imageID).count
            let again = try await service.importImage(id, Self.order(#", "all_stores": true"#))
            #expect(again.status == 202 && again.headers.first(name: "X-Longshore-Task") == nil)
            #expect(try await service.store.tasks(of: imageID).count == tasks)
        }
    }

    @Test func `what cannot be copied is refused, in Glance's order`() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            #expect(try await service.importImage(id, Self.order()).status == 409)
            try await service.makeActive(id, [1])
            let there = try await service.importImage(id, Self.order(#", "stores": ["second", "main"]"#))
            #expect(there.status == 400 && there.text.contains("already present at store 'main'"))
            // Without stores it is the default one, which has it.
            #expect(try await service.importImage(id, Self.order()).status == 400)
            #expect(try await service.importImage(id, Self.order(#", "stores": ["nope"]"#)).status == 409)
            #expect(
                try await service.importImage(id, Self.order(#", "stores": ["second"], "all_stores": true"#)).status
                    == 400)
            let digest = String(repeating: "0", count: 32)
            let compared = try await service.importImage(
                id, Self.order(#", "stores": ["second"], "longshore": {"checksum": "md5:\#(digest)"}"#))
            #expect(compared.status == 400 && compared.text.contains("own digests"))
            #expect(try await service.image(id)["os_glance_import_task"] == nil)
        }
    }

    @Test func `only whom the policy admits may copy, by default administrators`() async throws {
        var open = Policy()
        try open.set("copy_image", to: "owner")
        for (policy, status) in [(Policy(), 403), (open, 202)] {
            try await RunningService.run(policy: policy) { service in
                let id = try await service.newImage(as: "mine")
                try await service.makeActive(id, [1])
                let answer = try await service.send(
                    .POST, "/v2/images/\(id)/import", as: "mine", json: Self.order(#", "stores": ["second"]"#))
                #expect(answer.status == status, "\(answer.text)")
                if status == 403 { #expect(answer.text.contains("copy_image")) }
            }
        }
    }

    @Test func `a failed copy is retried for the stores that still lack the image`() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            try await service.makeActive(id, [1])
            let answer = try await service.importImage(id, Self.order(#", "stores": ["second"]"#))
            let task = try #require(answer.headers.first(name: "X-Longshore-Task").flatMap(TaskID.init(rawValue:)))
            _ = try await service.store.cancel(task, message: "enough")
            let retried = try await service.send(.POST, "/longshore/v1/tasks/\(task)/retry")
            #expect(retried.status == 202, "\(retried.text)")
            let next = try #require(try retried.object["id"]?.string.flatMap(TaskID.init(rawValue:)))
            #expect(try await service.store.task(next)?.request.stores == [service.second.id])
            _ = try await service.store.cancel(next, message: "enough")
            try await service.client.send("HSET", "{test}:image:\(id)", "loc:second", "\(id)/x")
            let done = try await service.send(.POST, "/longshore/v1/tasks/\(task)/retry")
            #expect(done.status == 409 && done.text.contains("in all stores"))
        }
    }
}
