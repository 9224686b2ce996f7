import AsyncHTTPClient
import ImageCatalog
import ImportModel
import NIOCore
import NIOHTTP1
import Testing

/// The policy's table over HTTP: every row, as each kind of caller.
@Suite struct PolicyTests {
    /// An administrator, a member of the owning project, a reader of it, a member of another one, and who brings no
    /// valid token.
    static let callers = ["ops/admin", "owner", "owner/reader", "other", "nobody"]

    /// A call of a row of the policy, and what each of `callers` gets for it.
    struct Call: Sendable, CustomTestStringConvertible {
        let action: PolicyAction
        let method: HTTPMethod
        /// `ID` stands for the image.
        let path: String
        var body: String?
        var type = "application/json"
        /// Of the image; it is shared with `other` where that is `shared`.
        var visibility = "private"
        var isActive = false
        let statuses: [Int]

        var testDescription: String { "\(action.name): \(method.rawValue) \(path) of a \(visibility) image" }
    }

    static let data = "application/octet-stream"
    static let patch = "application/openstack-images-v2.1-json-patch"
    static let formats = #""disk_format": "raw", "container_format": "bare""#
    static let webDownload = #"{"method": {"name": "web-download", "uri": "http://example.com/x"}}"#

    static func visible(_ visibility: String) -> String {
        #"[{"op": "replace", "path": "/visibility", "value": "\#(visibility)"}]"#
    }

    static let calls: [Call] = [
        Call(action: .discovery, method: .GET, path: "/v2/schemas/image", statuses: [200, 200, 200, 200, 401]),
        Call(action: .discovery, method: .GET, path: "/v2/info/import", statuses: [200, 200, 200, 200, 401]),
        Call(action: .discovery, method: .GET, path: "/v2/info/stores", statuses: [200, 200, 200, 200, 401]),
        Call(action: .addImage, method: .POST, path: "/v2/images", body: "{}", statuses: [201, 201, 403, 201, 401]),
        Call(action: .getImages, method: .GET, path: "/v2/images", statuses: [200, 200, 200, 200, 401]),
        Call(action: .getImage, method: .GET, path: "/v2/images/ID", statuses: [200, 200, 200, 404, 401]),
        Call(
            action: .getImage, method: .GET, path: "/v2/images/ID", visibility: "shared",
            statuses: [200, 200, 200, 200, 401]),
        Call(
            action: .getImage, method: .GET, path: "/v2/images/ID", visibility: "public",
            statuses: [200, 200, 200, 200, 401]),
        Call(
            action: .downloadImage, method: .GET, path: "/v2/images/ID/file", isActive: true,
            statuses: [200, 200, 403, 404, 401]),
        Call(
            action: .downloadImage, method: .GET, path: "/v2/images/ID/file", visibility: "community", isActive: true,
            statuses: [200, 200, 403, 200, 401]),
        Call(
            action: .modifyImage, method: .PATCH, path: "/v2/images/ID",
            body: #"[{"op": "replace", "path": "/name", "value": "n"}]"#, type: patch,
            statuses: [200, 200, 403, 404, 401]),
        Call(
            action: .modifyImage, method: .PUT, path: "/v2/images/ID/tags/t", visibility: "public",
            statuses: [204, 204, 403, 403, 401]),
        Call(
            action: .modifyImage, method: .PUT, path: "/v2/images/ID/stage", body: "x", type: data,
            statuses: [204, 204, 403, 404, 401]),
        Call(
            action: .modifyImage, method: .POST, path: "/v2/images/ID/import", body: webDownload,
            statuses: [202, 202, 403, 404, 401]),
        Call(
            action: .uploadImage, method: .PUT, path: "/v2/images/ID/file", body: "x", type: data, visibility: "shared",
            statuses: [204, 204, 403, 403, 401]),
        Call(action: .deleteImage, method: .DELETE, path: "/v2/images/ID", statuses: [204, 204, 403, 404, 401]),
        Call(
            action: .publicizeImage, method: .PATCH, path: "/v2/images/ID", body: visible("public"), type: patch,
            statuses: [200, 403, 403, 404, 401]),
        Call(
            action: .communitizeImage, method: .PATCH, path: "/v2/images/ID", body: visible("community"), type: patch,
            statuses: [200, 200, 403, 404, 401]),
        Call(
            action: .deactivate, method: .POST, path: "/v2/images/ID/actions/deactivate", visibility: "community",
            isActive: true, statuses: [204, 204, 403, 403, 401]),
        Call(
            action: .reactivate, method: .POST, path: "/v2/images/ID/actions/reactivate", isActive: true,
            statuses: [204, 204, 403, 404, 401]),
        Call(
            action: .getMembers, method: .GET, path: "/v2/images/ID/members", visibility: "shared",
            statuses: [200, 200, 200, 200, 401]),
        Call(
            action: .getMember, method: .GET, path: "/v2/images/ID/members/other", visibility: "shared",
            statuses: [200, 200, 200, 200, 401]),
        Call(
            action: .addMember, method: .POST, path: "/v2/images/ID/members", body: #"{"member": "m"}"#,
            visibility: "shared", statuses: [200, 200, 403, 403, 401]),
        Call(
            action: .modifyMember, method: .PUT, path: "/v2/images/ID/members/other", body: #"{"status": "accepted"}"#,
            visibility: "shared", statuses: [200, 403, 403, 200, 401]),
        Call(
            action: .deleteMember, method: .DELETE, path: "/v2/images/ID/members/other", visibility: "shared",
            statuses: [204, 204, 403, 403, 401]),
        Call(action: .getTasks, method: .GET, path: "/v2/images/ID/tasks", statuses: [200, 200, 200, 404, 401]),
        Call(action: .tasksAPIAccess, method: .GET, path: "/v2/tasks", statuses: [200, 403, 403, 403, 401]),
        Call(
            action: .storesInfoDetail, method: .GET, path: "/v2/info/stores/detail",
            statuses: [200, 403, 403, 403, 401]),
        Call(action: .fleetGetTasks, method: .GET, path: "/longshore/v1/tasks", statuses: [200, 200, 200, 200, 401]),
        Call(
            action: .fleetGetTasks, method: .GET, path: "/longshore/v1/tasks/TASK", statuses: [200, 200, 200, 404, 401]),
        Call(
            action: .fleetCancelTask, method: .POST, path: "/longshore/v1/tasks/TASK/cancel",
            statuses: [200, 200, 403, 404, 401]),
        Call(
            // A task that runs cannot be retried; to whom the row does not admit, that is not told.
            action: .fleetRetryTask, method: .POST, path: "/longshore/v1/tasks/TASK/retry",
            statuses: [409, 409, 403, 404, 401]),
        Call(action: .fleetGetLocks, method: .GET, path: "/longshore/v1/locks", statuses: [200, 200, 200, 200, 401]),
        Call(
            // An image that was not fetched has none.
            action: .fleetGetProvenance, method: .GET, path: "/longshore/v1/images/ID/provenance",
            statuses: [404, 404, 404, 404, 401]),
        Call(action: .fleetGetStores, method: .GET, path: "/longshore/v1/stores", statuses: [200, 200, 200, 200, 401]),
        Call(
            action: .fleetGetWorkers, method: .GET, path: "/longshore/v1/workers", statuses: [200, 403, 403, 403, 401]),
        Call(action: .fleetGetQueue, method: .GET, path: "/longshore/v1/queue", statuses: [200, 403, 403, 403, 401]),
        Call(
            action: .fleetSetQueue, method: .POST, path: "/longshore/v1/queue/pause",
            statuses: [200, 403, 403, 403, 401]),
        Call(action: .fleetGetMetrics, method: .GET, path: "/metrics", statuses: [200, 403, 403, 403, 401]),
    ]

    private func image(_ service: RunningService, _ call: Call) async throws -> String {
        let id = try await service.newImage(
            #"{"visibility": "\#(call.visibility)", "owner": "owner", \#(Self.formats)}"#)
        if call.visibility == "shared" {
            let path = "/v2/images/\(id)/members"
            #expect(try await service.send(.POST, path, json: #"{"member": "other"}"#).status == 200)
        }
        if call.isActive { try await service.makeActive(id, [1, 2, 3]) }
        return id
    }

    @Test(arguments: calls) func `Each kind of caller gets what the row says`(call: Call) async throws {
        try await RunningService.run { service in
            for (caller, status) in zip(Self.callers, call.statuses) {
                let id = try await image(service, call)
                var path = call.path.replacing("ID", with: id)
                if path.contains("TASK") {
                    let started = try await service.send(
                        .POST, "/v2/images/\(id)/import", as: "owner", json: Self.webDownload)
                    path = path.replacing("TASK", with: try #require(started.headers.first(name: "X-Longshore-Task")))
                }
                let answer = try await service.send(
                    call.method, path, [("X-Auth-Token", caller), ("Content-Type", call.type)],
                    body: call.body.map { .bytes(ByteBuffer(string: $0)) })
                #expect(answer.status == status, "\(caller): \(answer.text)")
                // What changes an image needs that row before its own.
                let rows = [call.action, .modifyImage].map { "'\($0.name)'" }
                #expect(answer.status != 403 || rows.contains { answer.text.contains($0) }, "\(answer.text)")
                #expect((answer.headers.first(name: "WWW-Authenticate") == "Test") == (status == 401))
            }
        }
    }

    @Test func `The calls above are of every row`() {
        // Watching is a stream without end; the other two have tests where they are carried out.
        let others: Set<PolicyAction> = [.fleetWatchEvents, .copyImage, .deleteImageLocation]
        #expect(Set(Self.calls.map(\.action)).union(others) == Set(PolicyAction.all))
        #expect(Set(PolicyAction.all.map(\.name)).count == PolicyAction.all.count)
        for action in PolicyAction.all { #expect(action.rules.contains(action.fallback), "\(action.name)") }
    }

    @Test func `A row can be loosened and tightened, and nobody is nobody`() async throws {
        var policy = Policy()
        for (row, word) in [
            ("download_image", "reader"), ("publicize_image", "owner"), ("delete_image", "admin"),
            ("deactivate", "nobody"), ("fleet:get_metrics", "anyone"), ("stores_info_detail", "known"),
        ] {
            try policy.set(row, to: word)
        }
        try await RunningService.run(policy: policy) { service in
            let call = Call(action: .downloadImage, method: .GET, path: "", isActive: true, statuses: [])
            let path = "/v2/images/\(try await image(service, call))"
            #expect(try await service.send(.GET, path + "/file", as: "owner/reader").bytes == [1, 2, 3])
            #expect(try await service.send(.GET, path + "/file", as: "other/reader").status == 404)
            #expect(try await service.send(.DELETE, path, as: "owner").status == 403)
            #expect(try await service.send(.POST, path + "/actions/deactivate").status == 403)
            #expect(try await service.send(.GET, "/v2/info/stores/detail", as: "owner/nothing").status == 200)
            #expect(try await service.send(.GET, "/metrics", as: "nobody").status == 200)
            #expect(try await service.send(.GET, "/longshore/v1/queue", as: "nobody").status == 401)
            let patched = try await service.send(
                .PATCH, path, as: "owner", json: Self.visible("public"), type: Self.patch)
            #expect(patched.status == 200)
        }
    }

    @Test func `Images that only their owners may see do not exist for others`() async throws {
        var policy = Policy()
        try policy.set("get_image", to: "owner")
        try await RunningService.run(policy: policy) { service in
            let call = Call(action: .getImage, method: .GET, path: "", visibility: "public", statuses: [])
            let path = "/v2/images/\(try await image(service, call))"
            #expect(try await service.send(.GET, path, as: "owner").status == 200)
            #expect(try await service.send(.GET, path, as: "other").status == 404)
            #expect(try await service.send(.DELETE, path, as: "other").status == 404)
            let listed = try await service.send(.GET, "/v2/images?visibility=all", as: "other")
            #expect(try listed.object["images"]?.array?.isEmpty == true)
        }
    }

    @Test func `A token that is not of a project is no use for images, and an administrator of a domain is none`()
        async throws
    {
        try await RunningService.run { service in
            for scope in ["system", "domain", "no scope"] {
                let caller = "@\(scope)/admin"
                let answer = try await service.send(.GET, "/v2/images", as: caller)
                #expect(answer.status == 403 && answer.text.contains("scoped to a project"), "\(answer.text)")
                let queue = try await service.send(.GET, "/longshore/v1/queue", as: caller)
                #expect(queue.status == (scope == "system" ? 200 : 403), "\(scope)")
            }
        }
    }

    @Test func `A service may see the details of stores, and without a role nothing may be seen`() async throws {
        try await RunningService.run { service in
            #expect(try await service.send(.GET, "/v2/info/stores/detail", as: "p/service").status == 200)
            #expect(try await service.send(.GET, "/v2/images", as: "p/nothing").status == 403)
            let id = try await service.newImage(#"{"visibility": "public"}"#)
            #expect(try await service.send(.GET, "/v2/images/\(id)", as: "p/nothing").status == 404)
        }
    }

    @Test func `A bearer's token is taken as well`() async throws {
        try await RunningService.run { service in
            let answer = try await service.send(.GET, "/longshore/v1/queue", [("Authorization", "Bearer owner")])
            #expect(answer.status == 403)
            #expect(try await service.send(.GET, "/v2/images", [("Authorization", "Bearer nobody")]).status == 401)
        }
    }

    @Test func `While tokens cannot be checked the answer is that, and not that the token is wrong`() async throws {
        try await RunningService.run { service in
            let answer = try await service.send(.GET, "/v2/images", as: "away")
            #expect(answer.status == 503 && answer.headers.contains(name: "Retry-After"))
            #expect(!answer.text.contains("secret reason"))
        }
    }
}
