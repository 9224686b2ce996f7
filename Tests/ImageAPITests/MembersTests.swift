import ImageCatalog
import ImportModel
import NIOHTTP1
import Testing

@Suite struct MembersTests {
    private let formats = #""disk_format": "raw", "container_format": "bare""#

    private func statuses(_ service: RunningService, _ id: String, as project: String) async throws -> [String: String]
    {
        let answer = try await service.send(.GET, "/v2/images/\(id)/members", as: project)
        #expect(answer.status == 200)
        #expect(try answer.object["schema"] == .string("/v2/schemas/members"))
        let members = try #require(try answer.object["members"]?.array).compactMap(\.object)
        return Dictionary(
            uniqueKeysWithValues: members.map { ($0["member_id"]?.string ?? "", $0["status"]?.string ?? "") })
    }

    private func listed(_ service: RunningService, _ query: String, as project: String) async throws -> [String] {
        let answer = try await service.send(.GET, "/v2/images?sort=name:asc&" + query, as: project)
        #expect(answer.status == 200, "\(query)")
        return try #require(try answer.object["images"]?.array).map { $0.object?["name"]?.string ?? "" }
    }

    @Test func anImageIsSharedAnsweredForAndSharedNoLonger() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage("{\(formats)}", as: "owner")
            try await service.makeActive(id, [1, 2, 3])
            let members = "/v2/images/\(id)/members"
            #expect(try await statuses(service, id, as: "owner").isEmpty)
            #expect(try await service.send(.GET, "/v2/images/\(id)", as: "friend").status == 404)

            let added = try await service.send(.POST, members, as: "owner", json: #"{"member": "friend"}"#)
            #expect(added.status == 200)
            let member = try added.object
            #expect(
                Set(member.keys) == ["member_id", "image_id", "status", "created_at", "updated_at", "schema"])
            #expect(member["member_id"] == .string("friend") && member["image_id"] == .string(id))
            #expect(member["status"] == .string("pending") && member["schema"] == .string("/v2/schemas/member"))
            #expect(try await service.send(.GET, "\(members)/friend", as: "owner").object == member)
            let again = try await service.send(.POST, members, as: "owner", json: #"{"member": "friend"}"#)
            #expect(again.status == 409)

            // It may use the image at once; to change it, it may not.
            #expect(try await service.send(.GET, "/v2/images/\(id)", as: "friend").status == 200)
            #expect(try await service.send(.GET, "/v2/images/\(id)/file", as: "friend").bytes == [1, 2, 3])
            #expect(try await service.send(.DELETE, "/v2/images/\(id)", as: "friend").status == 403)
            #expect(try await service.send(.PUT, "/v2/images/\(id)/tags/t", as: "friend").status == 403)

            for answer in ["accepted", "rejected", "pending", "accepted"] {
                let reply = try await service.send(
                    .PUT, "\(members)/friend", as: "friend", json: #"{"status": "\#(answer)"}"#)
                #expect(reply.status == 200)
                #expect(try reply.object["status"] == .string(answer))
                #expect(try await statuses(service, id, as: "owner") == ["friend": answer])
            }
            #expect(try await service.send(.DELETE, "\(members)/friend", as: "owner").status == 204)
            #expect(try await service.send(.DELETE, "\(members)/friend", as: "owner").status == 404)
            #expect(try await service.send(.GET, "/v2/images/\(id)/file", as: "friend").status == 404)
        }
    }

    @Test func eachSeesOfTheMembersWhatConcernsIt() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage("{}", as: "owner")
            let members = "/v2/images/\(id)/members"
            for project in ["one", "two"] {
                let answer = try await service.send(.POST, members, as: "owner", json: #"{"member": "\#(project)"}"#)
                #expect(answer.status == 200)
            }
            #expect(try await statuses(service, id, as: "owner") == ["one": "pending", "two": "pending"])
            #expect(try await statuses(service, id, as: "one") == ["one": "pending"])
            #expect(try await service.send(.GET, "\(members)/one", as: "one").status == 200)
            #expect(try await service.send(.GET, "\(members)/two", as: "one").status == 404)
            #expect(try await service.send(.GET, members, as: "other").status == 404)
            #expect(try await service.send(.GET, "\(members)/one", as: "other").status == 404)
            #expect(try await service.send(.GET, members, as: "nobody").status == 401)

            let accept = #"{"status": "accepted"}"#
            func answer(_ member: String, as project: String?, _ body: String) async throws -> Int {
                try await service.send(.PUT, "\(members)/\(member)", as: project, json: body).status
            }
            #expect(try await answer("one", as: "owner", accept) == 403)
            #expect(try await answer("three", as: "owner", accept) == 404)
            #expect(try await answer("two", as: "one", accept) == 404)
            #expect(try await answer("one", as: "other", accept) == 404)
            #expect(try await answer("one", as: nil, accept) == 200)
            #expect(try await service.send(.POST, members, as: "one", json: #"{"member": "x"}"#).status == 403)
            #expect(try await service.send(.POST, members, as: "other", json: #"{"member": "x"}"#).status == 404)
            #expect(try await service.send(.DELETE, "\(members)/one", as: "one").status == 403)
            #expect(try await service.send(.DELETE, "\(members)/one", as: "other").status == 404)
            #expect(try await statuses(service, id, as: "owner") == ["one": "accepted", "two": "pending"])
            // As an administrator.
            #expect(try await service.send(.DELETE, "\(members)/two").status == 204)
            #expect(try await statuses(service, id, as: "owner") == ["one": "accepted"])
        }
    }

    @Test func onlySharedImagesHaveMembers() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage("{}", as: "owner")
            let members = "/v2/images/\(id)/members"
            #expect(try await service.send(.POST, members, as: "owner", json: #"{"member": "m"}"#).status == 200)
            func turn(_ visibility: String) async throws {
                let patch = try await service.send(
                    .PATCH, "/v2/images/\(id)", as: "owner",
                    json: #"[{"op": "replace", "path": "/visibility", "value": "\#(visibility)"}]"#,
                    type: ImagePatch.mediaType)
                #expect(patch.status == 200)
            }
            try await turn("private")
            #expect(try await service.send(.GET, "/v2/images/\(id)", as: "m").status == 404)
            let refused = try await service.send(.POST, members, as: "owner", json: #"{"member": "x"}"#)
            #expect(refused.status == 403)
            #expect(refused.text.contains("Only shared images have members"))
            #expect(try await service.send(.GET, members, as: "owner").status == 404)
            #expect(try await service.send(.DELETE, "\(members)/m", as: "owner").status == 403)
            try await turn("community")
            let answer = try await service.send(.PUT, "\(members)/m", as: "m", json: #"{"status": "accepted"}"#)
            #expect(answer.status == 403)
            try await turn("shared")
            #expect(try await statuses(service, id, as: "m") == ["m": "pending"])
        }
    }

    @Test func wrongMembersAreRefused() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage("{}", as: "owner")
            let members = "/v2/images/\(id)/members"
            let long = String(repeating: "m", count: 255)
            for (body, status) in [
                ("", 400), ("[]", 400), ("{}", 400), (#"{"member": ""}"#, 400), (#"{"member": 1}"#, 400),
                (#"{"member": null}"#, 400), (#"{"member": "\#(long)m"}"#, 400), (#"{"member": "\#(long)"}"#, 200),
                (#"{"member": "a b"}"#, 200),
            ] {
                #expect(try await service.send(.POST, members, as: "owner", json: body).status == status, "\(body)")
            }
            #expect(try await service.send(.GET, "\(members)/a%20b", as: "owner").status == 200)
            for body in ["[]", "{}", #"{"status": "yes"}"#, #"{"status": null}"#, #"{"status": 1}"#] {
                #expect(
                    try await service.send(.PUT, "\(members)/\(long)", as: long, json: body).status == 400, "\(body)")
            }
            for number in 2..<128 {
                let added = try await service.send(.POST, members, as: "owner", json: #"{"member": "m\#(number)"}"#)
                #expect(added.status == 200)
            }
            #expect(try await service.send(.POST, members, as: "owner", json: #"{"member": "more"}"#).status == 413)
            #expect(try await service.send(.PATCH, members).headers.first(name: "Allow") == "GET, HEAD, POST")
            #expect(
                try await service.send(.POST, "\(members)/x").headers.first(name: "Allow") == "DELETE, GET, HEAD, PUT")
            #expect(try await service.send(.GET, "/v2/images/\(ImageID.random())/members").status == 404)
        }
    }

    @Test func listsShowWhatEachProjectMaySeeAndWants() async throws {
        try await RunningService.run { service in
            for visibility in ["public", "private", "shared", "community"] {
                _ = try await service.newImage(#"{"name": "\#(visibility)", "visibility": "\#(visibility)"}"#)
            }
            for (name, answer) in [("pending", nil), ("accepted", "accepted"), ("rejected", "rejected")] {
                let id = try await service.newImage(#"{"name": "\#(name)"}"#)
                let members = "/v2/images/\(id)/members"
                #expect(try await service.send(.POST, members, json: #"{"member": "me"}"#).status == 200)
                guard let answer else { continue }
                let reply = try await service.send(
                    .PUT, "\(members)/me", as: "me", json: #"{"status": "\#(answer)"}"#)
                #expect(reply.status == 200)
            }
            _ = try await service.newImage(#"{"name": "mine"}"#, as: "me")
            for (query, names) in [
                ("", ["accepted", "mine", "public"]),
                ("member_status=pending", ["mine", "pending", "public"]),
                ("member_status=all", ["accepted", "mine", "pending", "public", "rejected"]),
                ("visibility=shared", ["accepted", "mine"]),
                ("visibility=shared&member_status=rejected", ["mine", "rejected"]),
                ("visibility=shared&member_status=all", ["accepted", "mine", "pending", "rejected"]),
                ("visibility=community", ["community"]), ("visibility=private", []),
                ("visibility=all", ["accepted", "community", "mine", "public"]),
                ("visibility=all&owner=default&member_status=pending", ["community", "pending", "public"]),
            ] {
                #expect(try await listed(service, query, as: "me") == names, "\(query)")
            }
            #expect(try await listed(service, "member_status=all", as: "other") == ["public"])
            #expect(try await service.send(.GET, "/v2/images?member_status=nope").status == 400)
            // An administrator's, of the project that owns all but one.
            let all = try await service.send(.GET, "/v2/images").object["images"]?.array
            #expect(all?.count == 8)
        }
    }
}
