import ImageCatalog
import NIOHTTP1
import Testing

@Suite struct DiscoveryTests {
    @Test func theRootAndUnknownVersionsNameTheVersionsThereAre() async throws {
        try await RunningService.run { service in
            for (path, status) in [
                ("/", 300), ("/v2", 300), ("/v2/", 300), ("/versions", 200), ("/v3", 300), ("/v1/images", 300),
                ("/v2.99/images", 300),
            ] {
                let answer = try await service.send(.GET, path)
                #expect(answer.status == status, "\(path)")
                let versions = try #require(try answer.object["versions"]?.array)
                #expect(versions.first?.object?["id"] == .string("v2.15"))
                #expect(versions.first?.object?["status"] == .string("CURRENT"))
                let link = versions.first?.object?["links"]?.array?.first?.object?["href"]
                #expect(link == .string("http://127.0.0.1:\(service.port)/v2/"))
            }
            #expect(try await service.send(.POST, "/v3/x", json: "{}").status == 300)
            #expect(try await service.send(.GET, "/v2.7/images?limit=1").status == 200)
        }
    }

    @Test func schemasAndStoresAreServed() async throws {
        try await RunningService.run { service in
            for name in ["image", "images", "task", "tasks", "member", "members"] {
                let answer = try await service.send(.GET, "/v2/schemas/\(name)")
                #expect(try answer.object["name"] == .string(name))
            }
            #expect(try await service.send(.GET, "/v2/schemas/nope").status == 404)
            let methods = try await service.send(.GET, "/v2/info/import").object["import-methods"]?.object
            #expect(methods?["value"] == .array(["glance-direct", "web-download", "copy-image"].map(JSON.string)))
            let stores = try await service.send(.GET, "/v2/info/stores").object["stores"]?.array
            #expect(
                stores == [
                    .object(["id": .string("main"), "default": .string("true"), "description": .string("the first")]),
                    .object(["id": .string("second")]),
                ])
            let detail = try await service.send(.GET, "/v2/info/stores/detail").object["stores"]?.array
            #expect(detail?.first?.object?["type"] == .string("filesystem"))
        }
    }

    @Test func aKnownPathNamesItsMethodsAndAnUnknownOneIsNotFound() async throws {
        try await RunningService.run { service in
            let answer = try await service.send(.PUT, "/v2/images")
            #expect(answer.status == 405)
            #expect(answer.headers.first(name: "Allow") == "GET, HEAD, POST")
            #expect(try await service.send(.DELETE, "/v2/tasks/x").status == 405)
            for path in ["/v2/nope", "/v2/images/", "/v2//images", "/nope", "/v2/cache", "/v2/images/x/locations"] {
                #expect(try await service.send(.GET, path).status == 404, "\(path)")
            }
        }
    }

    @Test func errorsComeInTheFormThatWasAskedFor() async throws {
        try await RunningService.run { service in
            let path = "/v2/images/<b>"
            let json = try await service.send(.GET, "/v2/images/x", [("Accept", "text/html, application/json")])
            #expect(try json.object["code"] == .string("404 Not Found"))
            #expect(try json.object["title"] == .string("Not Found"))
            #expect(try json.object["message"]?.string?.contains("No image found") == true)
            let html = try await service.send(.GET, "/v2/images/x", [("Accept", "*/*")])
            #expect(html.headers.first(name: "Content-Type")?.hasPrefix("text/html") == true)
            #expect(html.text.contains("<h1>404 Not Found</h1>"))
            let plain = try await service.send(.GET, "/v2/images/x")
            #expect(plain.headers.first(name: "Content-Type")?.hasPrefix("text/plain") == true)
            _ = path
            let fleet = try await service.send(.GET, "/longshore/v1/tasks/x")
            #expect(fleet.status == 404)
            #expect(try Array(fleet.object.keys) == ["message"])
        }
    }

    @Test func everyAnswerHasARequestIDAndAClientMayGiveOne() async throws {
        try await RunningService.run { service in
            let own = try await service.send(.GET, "/v2/nope").headers.first(name: "x-openstack-request-id")
            #expect(own?.hasPrefix("req-") == true)
            #expect(own?.count == 40)
            let name = "X-OpenStack-Request-Id"
            let given = try await service.send(.GET, "/", [(name, "req-mine")])
            #expect(given.headers.first(name: name) == "req-mine")
            let long = try await service.send(.GET, "/", [(name, String(repeating: "x", count: 65))])
            #expect(long.status == 431)
            #expect(long.headers.first(name: name)?.hasPrefix("req-") == true)
        }
    }

    @Test func aBodyWhereNoneBelongsIsRefused() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            #expect(try await service.send(.DELETE, "/v2/images/\(id)", json: "{}").status == 400)
            #expect(try await service.send(.GET, "/v2/images", json: "{}").status == 400)
            #expect(try await service.send(.POST, "/longshore/v1/queue/pause", json: "{}").status == 400)
        }
    }
}
