import AsyncHTTPClient
import ImageCatalog
import ImportModel
import LeaseStore
import NIOCore
import NIOHTTP1
import RedisClient
import Testing
import TestSupport

@Suite struct ImportTests {
    @Test func anImportIsAcceptedAndCanBeFollowed() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let answer = try await service.importImage(
                id,
                #"{"method": {"name": "web-download", "uri": "https://example.com/a?token=secret"}, "all_stores": true, "all_stores_must_succeed": false, "longshore": {"priority": 9, "checksum": "md5:\#(String(repeating: "0", count: 32))"}}"#
            )
            #expect(answer.status == 202)
            #expect(answer.bytes.isEmpty)
            let task = try #require(answer.headers.first(name: "X-Longshore-Task"))
            #expect(answer.headers.first(name: "x-openstack-request-id") == "req-\(task)")

            let image = try await service.image(id)
            #expect(image["status"] == .string("importing"))
            #expect(image["os_glance_import_task"] == .string(task))
            #expect(image["os_glance_importing_to_stores"] == .string("main,second"))
            #expect(image["os_glance_failed_import"] == .string(""))

            let rows = try await service.send(.GET, "/v2/images/\(id)/tasks")
            let row = try #require(try rows.object["tasks"]?.array?.first?.object)
            #expect(row["id"] == .string(task))
            #expect(row["request_id"] == .string("req-\(task)"))
            #expect(row["type"] == .string("api_image_import"))
            #expect(row["status"] == .string("pending"))
            #expect(!rows.text.contains("secret"))

            let taskID = try #require(TaskID(rawValue: task))
            let record = try #require(try await service.store.task(taskID))
            #expect(record.priority == 9)
            #expect(record.request.checksum?.algorithm == .md5)
            #expect(!record.request.allStoresMustSucceed)
            #expect(record.request.uri == "https://example.com/a?token=secret")
        }
    }

    @Test func thePublishersChecksumsAreAskedForAsTheRequestSays() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let answer = try await service.importImage(
                id,
                #"{"method": {"name": "web-download", "uri": "https://example.com/a"}, "longshore": {"checksum_url": "https://example.com/SUMS?k=1", "signature_url": "https://example.com/SUMS.sig", "keyring": "debian"}}"#
            )
            #expect(answer.status == 202, "\(answer.text)")
            let task = try #require(answer.headers.first(name: "X-Longshore-Task").flatMap(TaskID.init(rawValue:)))
            let request = try #require(try await service.store.task(task)).request
            #expect(
                request.publisher
                    == PublisherChecksum(
                        url: "https://example.com/SUMS?k=1", signatureURL: "https://example.com/SUMS.sig",
                        keyring: "debian"))
            #expect(request.checksum == nil)
        }
    }

    @Test func anImportIsGivenThePropertiesToInjectUnlessARoleSparesIt() async throws {
        let injection = try MetadataInjection(["os_distro": "debian"], ignoredRoles: ["admin"])
        try await RunningService.run(injection: injection) { service in
            for (project, injected) in [("theirs", injection.properties), (nil, [:])] {
                let id = try await service.newImage(as: project)
                let answer = try await service.send(
                    .POST, "/v2/images/\(id)/import", as: project,
                    json: #"{"method": {"name": "web-download", "uri": "http://example.com/x"}}"#)
                #expect(answer.status == 202, "\(answer.text)")
                let task = try #require(answer.headers.first(name: "X-Longshore-Task").flatMap(TaskID.init(rawValue:)))
                #expect(try await service.store.task(task)?.request.injected == injected)
                let member = #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "inject": {}}"#
                #expect(
                    try await service.send(
                        .POST, "/v2/images/\(id)/import", as: project, json: member
                    ).status == 400)
            }
        }
    }

    @Test func aRequestIDOfTheClientsOwnIsNoTaskID() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let answer = try await service.send(
                .POST, "/v2/images/\(id)/import",
                [("x-openstack-request-id", "mine"), ("Content-Type", "application/json")],
                body: .bytes(.init(string: #"{"method": {"name": "web-download", "uri": "http://example.com/"}}"#)))
            #expect(answer.status == 202)
            let task = try #require(answer.headers.first(name: "X-Longshore-Task").flatMap(TaskID.init(rawValue:)))
            #expect(try await service.store.task(task)?.requestID == "mine")
        }
    }

    @Test func aSecondImportIsToldWhoHoldsTheImage() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let task = try #require(try await service.importImage(id).headers.first(name: "X-Longshore-Task"))
            let answer = try await service.importImage(id)
            #expect(answer.status == 409)
            let message = try #require(try answer.object["message"]?.string)
            #expect(message.contains(task))
            #expect(message.contains("prior operation is still in progress"))
            #expect(message.contains("pending"))
        }
    }

    /// Bodies that are wrong whatever the image is like.
    static let wrongBodies = [
        "", "[]", "1", "null", "{}", #"{"method": 1}"#, #"{"method": []}"#, #"{"method": {}}"#,
        #"{"method": {"name": 1}}"#, #"{"method": {"name": "x"}}"#,
        #"{"method": {"name": "copy-image", "uri": "http://example.com/x"}}"#,
        #"{"method": {"name": "web-download"}}"#, #"{"method": {"name": "web-download", "uri": 1}}"#,
        #"{"method": {"name": "web-download", "uri": ""}}"#, #"{"method": {"name": "web-download", "uri": "x"}}"#,
        #"{"method": {"name": "web-download", "uri": "file:///etc/passwd"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://host:99999/"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://host:x/"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://host:-1/"}}"#,
        #"{"method": {"name": "web-download", "uri": "http:///x"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://127.0.0.1/x"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://u:p@example.com/x"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x", "path": "/etc"}}"#,
        #"{"method": {"name": "glance-direct", "uri": "http://example.com/x"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "extra": 1}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "all_stores": "yes"}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "all_stores_must_succeed": 1}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "stores": "main"}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "stores": [1]}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "stores": ["main"], "all_stores": true}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": 1}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"priority": 10}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"priority": 1.5}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum": "crc:1"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"nope": 1}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": 1}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": "file:///etc/passwd"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": "http://127.0.0.1/S"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": "http://u:p@example.com/S"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": "http://example.com/S", "checksum": "md5:0123456789abcdef0123456789abcdef"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": "http://example.com/S", "keyring": "unknown"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": "http://example.com/S", "keyring": 1}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": "http://example.com/S", "signature_url": "http://example.com/s"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": "http://example.com/S", "signature_url": "http://10.0.0.1/s", "keyring": "debian"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"checksum_url": "http://example.com/S", "signature_url": "http://u:p@example.com/s", "keyring": "debian"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"signature_url": "http://example.com/s", "keyring": "debian"}}"#,
        #"{"method": {"name": "web-download", "uri": "http://example.com/x"}, "longshore": {"keyring": "debian"}}"#,
        #"{"method": {"name": "glance-direct"}, "longshore": {"checksum_url": "http://example.com/S"}}"#,
    ]

    @Test func aWrongBodyIsRefusedAndLeavesNothing() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            let before = try await service.image(id)
            for body in Self.wrongBodies {
                let answer = try await service.importImage(id, body)
                #expect(answer.status == 400, "\(body): \(answer.text)")
                #expect(!answer.text.contains("u:p"))
            }
            #expect(try await service.image(id) == before)
            #expect(try await service.store.tasks(of: try #require(ImageID(rawValue: id))).isEmpty)
        }
    }

    @Test func theImageMustBeThereFitAndHaveFormats() async throws {
        try await RunningService.run { service in
            #expect(try await service.importImage("x").status == 404)
            #expect(try await service.importImage(ImageID.random().rawValue).status == 404)
            let bare = try await service.newImage("{}")
            #expect(try await service.importImage(bare).status == 409)
            let id = try await service.newImage()
            #expect(try await service.importImage(id, #"{"method": {"name": "glance-direct"}}"#).status == 409)
            try await service.makeActive(id, [1])
            let active = try await service.importImage(id)
            #expect(active.status == 409)
            #expect(active.text.contains("'active'"))
        }
    }

    @Test func storesAreChosenByBodyOrHeader() async throws {
        try await RunningService.run { service in
            let method = #""method": {"name": "web-download", "uri": "http://example.com/x"}"#
            func send(_ id: String, _ body: String, _ header: String? = nil) async throws -> Int {
                try await service.send(
                    .POST, "/v2/images/\(id)/import", header.map { [("X-Image-Meta-Store", $0)] } ?? [],
                    body: .bytes(.init(string: body))
                ).status
            }
            let id = try await service.newImage()
            #expect(try await send(id, #"{\#(method), "stores": ["nope"]}"#) == 409)
            #expect(try await send(id, "{\(method)}", "nope") == 409)
            #expect(try await send(id, #"{\#(method), "stores": ["main"]}"#, "main") == 400)
            #expect(try await send(id, #"{\#(method), "all_stores": true}"#, "main") == 400)
            #expect(try await send(id, "{\(method)}", "second") == 202)
            #expect(try await service.image(id)["os_glance_importing_to_stores"] == .string("second"))
            let other = try await service.newImage()
            #expect(try await send(other, #"{\#(method), "stores": []}"#) == 202)
            #expect(try await service.image(other)["os_glance_importing_to_stores"] == .string("main"))
        }
    }

    @Test func withoutRedisTheAnswerIs503AndSaysSo() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            service.redis.kill()
            let answer = try await service.importImage(id)
            #expect(answer.status == 503)
            #expect(answer.headers.first(name: "Retry-After") != nil)
            #expect(try await service.send(.GET, "/v2/images").status == 503)
            #expect(try await service.send(.GET, "/readyz").status == 503)
            #expect(try await service.send(.GET, "/healthz").status == 200)
            #expect(try await service.send(.GET, "/metrics").text.contains("# of this process"))
        }
    }

    @Test func anImportThatMayHaveBegunIsNamed() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            // Reads go on, writes wait: the script's answer does not come.
            try await service.client.send("CLIENT", "PAUSE", "60000", "WRITE")
            let answer = try await service.importImage(id)
            #expect(answer.status == 503)
            let task = try #require(answer.headers.first(name: "X-Longshore-Task"))
            #expect(try answer.object["message"]?.string?.contains("may have begun as task \(task)") == true)
            try await service.client.send("CLIENT", "UNPAUSE")
        }
    }

    @Test func aFullRedisTakesNoImport() async throws {
        try await RunningService.run { service in
            let id = try await service.newImage()
            try await service.client.send("CONFIG", "SET", "maxmemory", "1")
            let answer = try await service.importImage(id)
            #expect(answer.status == 503)
            #expect(try answer.object["message"]?.string?.contains("no new work") == true)
            #expect(try await service.image(id)["status"] == .string("queued"))
        }
    }
}
