import ImageCatalog
import ImportModel
import NIOHTTP1
import Testing

@Suite struct ImagesTests {
    private let patchType = "application/openstack-images-v2.1-json-patch"

    @Test func anImageIsCreatedShownListedChangedAndDeleted() async throws {
        try await RunningService.run { service in
            let created = try await service.send(
                .POST, "/v2/images", json: #"{"name": "a", "os_distro": "debian", "tags": ["x"]}"#)
            #expect(created.status == 201)
            let id = try #require(try created.object["id"]?.string)
            #expect(created.headers.first(name: "Location") == "http://127.0.0.1:\(service.port)/v2/images/\(id)")
            #expect(
                created.headers.first(name: "OpenStack-image-import-methods") == "glance-direct,web-download,copy-image"
            )
            #expect(created.headers.first(name: "OpenStack-image-store-ids") == "main,second")
            #expect(try created.object["status"] == .string("queued"))
            #expect(try created.object["owner"] == .string("default"))
            #expect(try await service.image(id) == created.object)

            let list = try await service.send(.GET, "/v2/images?limit=1")
            #expect(try list.object["images"]?.array?.count == 1)
            #expect(try list.object["next"] == .string("/v2/images?limit=1&marker=\(id)"))
            #expect(try list.object["schema"] == .string("/v2/schemas/images"))

            let patched = try await service.send(
                .PATCH, "/v2/images/\(id)", json: #"[{"op": "replace", "path": "/name", "value": "b"}]"#,
                type: patchType)
            #expect(patched.status == 200)
            #expect(try patched.object["name"] == .string("b"))
            #expect(try await service.send(.DELETE, "/v2/images/\(id)").status == 204)
            #expect(try await service.send(.GET, "/v2/images/\(id)").status == 404)
            #expect(try await service.send(.DELETE, "/v2/images/\(id)").status == 404)
        }
    }

    @Test func wrongImagesAreRefused() async throws {
        try await RunningService.run { service in
            for (body, status) in [
                ("", 400), ("[]", 400), ("{", 400), (#"{"id": 1}"#, 400), (#"{"id": "x"}"#, 400),
                (#"{"name": 1}"#, 400),
                (#"{"visibility": "secret"}"#, 400), (#"{"min_disk": -1}"#, 400), (#"{"protected": "yes"}"#, 400),
                (#"{"tags": "x"}"#, 400), (#"{"x": 1}"#, 400), (#"{"": "x"}"#, 400), (#"{"disk_format": "zip"}"#, 400),
                (#"{"status": "active"}"#, 403), (#"{"os_glance_x": "y"}"#, 403), (#"{"deleted": "y"}"#, 403),
                (#"{"stores": "main"}"#, 403),
            ] {
                let answer = try await service.send(.POST, "/v2/images", json: body)
                #expect(answer.status == status, "\(body)")
            }
            let id = ImageID.random()
            #expect(try await service.send(.POST, "/v2/images", json: #"{"id": "\#(id)"}"#).status == 201)
            #expect(try await service.send(.POST, "/v2/images", json: #"{"id": "\#(id)"}"#).status == 409)
        }
    }

    @Test func aPatchOfAnotherMediaTypeIsToldWhichThereAre() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let answer = try await service.send(.PATCH, "/v2/images/\(id)", json: "[]")
            #expect(answer.status == 415)
            #expect(answer.headers.first(name: "Accept-Patch")?.contains(patchType) == true)
            for (body, status) in [
                ("{}", 400), (#"[{"op": "remove", "path": "/nope"}]"#, 409),
                (#"[{"op": "remove", "path": "/name"}]"#, 403),
                (#"[{"op": "replace", "path": "/size", "value": 1}]"#, 403), ("[[[]]]", 400),
            ] {
                let answer = try await service.send(.PATCH, "/v2/images/\(id)", json: body, type: patchType)
                #expect(answer.status == status, "\(body)")
            }
        }
    }

    @Test func aListThatMakesNoSenseIsRefused() async throws {
        try await RunningService.run { service in
            for query in ["limit=-1", "marker=x", "sort=nope", "visibility=x", "created_at=x", "name=%ff"] {
                #expect(try await service.send(.GET, "/v2/images?\(query)").status == 400, "\(query)")
            }
            let empty = try await service.send(.GET, "/v2/images?limit=0")
            #expect(empty.status == 200)
            #expect(try empty.object["images"] == .array([]))
        }
    }

    @Test func aProtectedImageIsNotDeleted() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage(#"{"protected": true}"#)
            #expect(try await service.send(.DELETE, "/v2/images/\(id)").status == 403)
        }
    }

    @Test("a page of many images is one document")
    func largePage() async throws {
        try await RunningService.run { service in
            let catalog = Catalog(store: service.store)
            let admin = Caller(project: "default", user: "u", roles: ["admin"])
            var images: [ImageRecord] = []
            for number in 0..<130 {
                images.append(try await catalog.create(.object(["name": .string("n\(number)")]), by: admin))
            }
            // Several can be of one millisecond.
            let ids = images.map { "\($0.createdAtMs) \($0.id)" }.sorted(by: >).map { String($0.suffix(36)) }
            for (limit, count) in [(1000, 130), (130, 130), (51, 51), (50, 50)] {
                let list = try await service.send(.GET, "/v2/images?limit=\(limit)")
                #expect(list.status == 200)
                #expect(list.headers.first(name: "content-type") == "application/json")
                let page = try list.object
                let found = page["images"]?.array?.compactMap { $0.object?["id"]?.string }
                #expect(found == Array(ids.prefix(count)))
                let next = count == limit ? "/v2/images?limit=\(limit)&marker=\(ids[count - 1])" : nil
                #expect(page["next"]?.string == next)
                #expect(page["schema"]?.string == "/v2/schemas/images")
            }
            #expect(try await service.send(.HEAD, "/v2/images?limit=1000").status == 200)
        }
    }
}
