import ImageCatalog
import NIOHTTP1
import Testing

@Suite struct TagsTests {
    @Test func aTagIsPutOnceAndTakenOffOnce() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let path = "/v2/images/\(id)/tags"
            for tag in ["prod", "prod", "a%20b+c", "%C3%A4%2F%E2%82%AC"] {
                #expect(try await service.send(.PUT, "\(path)/\(tag)").status == 204, "\(tag)")
            }
            let shown = try await service.image(id)["tags"]
            #expect(shown == .array([.string("a b+c"), .string("prod"), .string("ä/€")]))
            let listed = try await service.send(.GET, "/v2/images?tag=a+b%2Bc&tag=prod").object["images"]?.array
            #expect(listed?.count == 1)
            #expect(try await service.send(.DELETE, "\(path)/a%20b+c").status == 204)
            #expect(try await service.send(.DELETE, "\(path)/a%20b+c").status == 404)
            #expect(try await service.image(id)["tags"] == .array([.string("prod"), .string("ä/€")]))
        }
    }

    @Test func aTagHasItsLimits() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let path = "/v2/images/\(id)/tags"
            let long = String(repeating: "%C3%A4", count: 255)
            #expect(try await service.send(.PUT, "\(path)/\(long)").status == 204)
            #expect(try await service.send(.PUT, "\(path)/\(long)x").status == 400)
            #expect(try await service.send(.PUT, "\(path)/").status == 404)
            #expect(try await service.send(.PUT, "\(path)/a/b").status == 404)
            #expect(try await service.send(.PUT, "\(path)/x", json: "{}").status == 400)
            #expect(try await service.send(.GET, "\(path)/x").headers.first(name: "Allow") == "DELETE, PUT")
            for number in 1..<128 {
                #expect(try await service.send(.PUT, "\(path)/\(number)").status == 204)
            }
            #expect(try await service.send(.PUT, "\(path)/more").status == 413)
            #expect(try await service.send(.PUT, "\(path)/1").status == 204)
        }
    }

    @Test func onlyWhoMayChangeAnImageTagsIt() async throws {
        try await RunningService.run { service in
            let open = try await service.newImage(#"{"visibility": "public"}"#)
            let hidden = try await service.newImage(#"{"visibility": "private", "tags": ["t"]}"#)
            for method in [HTTPMethod.PUT, .DELETE] {
                #expect(try await service.send(method, "/v2/images/\(open)/tags/t", as: "other").status == 403)
                #expect(try await service.send(method, "/v2/images/\(hidden)/tags/t", as: "other").status == 404)
                #expect(try await service.send(method, "/v2/images/\(hidden)/tags/t", as: "nobody").status == 401)
                #expect(try await service.send(method, "/v2/images/nope/tags/t").status == 404)
            }
            let own = try await service.newImage("{}", as: "other")
            #expect(try await service.send(.PUT, "/v2/images/\(own)/tags/t", as: "other").status == 204)
        }
    }
}
