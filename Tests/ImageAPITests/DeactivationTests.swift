import ImageCatalog
import NIOHTTP1
import Testing

@Suite struct DeactivationTests {
    private let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test func aDeactivatedImageIsReadByAdministratorsOnlyUntilItIsReactivated() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage(
                #"{"visibility": "community", "disk_format": "raw", "container_format": "bare"}"#, as: "owner")
            try await service.makeActive(id, bytes)
            let (file, actions) = ("/v2/images/\(id)/file", "/v2/images/\(id)/actions")
            #expect(try await service.send(.GET, file, as: "other").bytes == bytes)
            for _ in 0..<2 {
                let answer = try await service.send(.POST, "\(actions)/deactivate", as: "owner")
                #expect(answer.status == 204)
                #expect(answer.bytes.isEmpty)
                #expect(try await service.image(id)["status"] == .string("deactivated"))
            }
            for project in ["owner", "other"] {
                #expect(try await service.send(.GET, file, as: project).status == 403)
                #expect(try await service.send(.HEAD, file, as: project).status == 403)
                let ranged = try await service.send(
                    .GET, file, [("X-Auth-Token", project), ("Range", "bytes=0-1")])
                #expect(ranged.status == 403)
            }
            #expect(try await service.send(.GET, file).bytes == bytes)
            #expect(try await service.upload(id, bytes).status == 409)
            #expect(try await service.importImage(id).status == 409)
            let listed = try await service.send(.GET, "/v2/images?visibility=all&status=deactivated")
            #expect(try listed.object["images"]?.array?.count == 1)
            for _ in 0..<2 {
                #expect(try await service.send(.POST, "\(actions)/reactivate", as: "owner").status == 204)
                #expect(try await service.image(id)["status"] == .string("active"))
            }
            #expect(try await service.send(.GET, file, as: "other").bytes == bytes)
            #expect(try await service.send(.POST, "\(actions)/deactivate").status == 204)
            #expect(try await service.send(.DELETE, "/v2/images/\(id)", as: "owner").status == 204)
        }
    }

    @Test func whatIsNotActiveOrNotOnesOwnIsNotDeactivated() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            for action in ["deactivate", "reactivate"] {
                let path = "/v2/images/\(id)/actions/\(action)"
                let answer = try await service.send(.POST, path)
                #expect(answer.status == 403)
                #expect(answer.text.contains("'queued'"))
                #expect(try await service.send(.POST, path, as: "other").status == 404)
                #expect(try await service.send(.POST, path, as: "nobody").status == 401)
                #expect(try await service.send(.POST, path, json: "{}").status == 400)
                #expect(try await service.send(.GET, path).headers.first(name: "Allow") == "POST")
                #expect(try await service.send(.POST, "/v2/images/nope/actions/\(action)").status == 404)
            }
            #expect(try await service.send(.POST, "/v2/images/\(id)/actions/nope").status == 404)
            let open = try await service.newImage(
                #"{"visibility": "public", "disk_format": "raw", "container_format": "bare"}"#)
            try await service.makeActive(open, bytes)
            #expect(try await service.send(.POST, "/v2/images/\(open)/actions/deactivate", as: "other").status == 403)
            #expect(try await service.image(open)["status"] == .string("active"))
        }
    }
}
