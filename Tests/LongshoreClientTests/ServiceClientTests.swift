import Foundation
import ImportModel
import LongshoreClient
import Testing

@Suite("The client of the service")
struct ServiceClientTests {
    @Test("An endpoint is an http URL without credentials; the slash and /v2 at its end do not matter")
    func endpoints() throws {
        #expect(try ServiceEndpoint(parsing: "http://h:9292/").base == "http://h:9292")
        #expect(try ServiceEndpoint(parsing: "https://h/image/v2/").base == "https://h/image")
        for bad in ["h:9292", "ftp://h", "http://", "http://u:p@h", "http://h?x=1", ""] {
            let error = #expect(throws: InvalidValue.self) { try ServiceEndpoint(parsing: bad) }
            #expect(error?.message.contains("u:p") == false)
        }
    }

    @Test("The fleet's answers are read, and the token is sent")
    func fleet() async throws {
        try await FakeService.run(token: "secret") { service, client in
            let view = sampleTask(.pending)
            service.on("GET /longshore/v1/tasks/\(view.id)", .answer(200, body: try json(view)))
            service.on(
                "POST /longshore/v1/queue/pause",
                .answer(
                    200,
                    body: try json(
                        QueueStats(
                            isPaused: true, pending: 3, delayed: 1, processing: 2, oldestPendingAgeMs: 5,
                            pendingBytes: 9,
                            tenants: ["a_b": 3], processes: 1))))
            #expect(try await client.task(view.id) == view)
            let stats = try await client.setQueuePaused(true)
            #expect(stats.isPaused && stats.tenants == ["a_b": 3])
            #expect(service.calls.allSatisfy { $0.headers["x-auth-token"] == "secret" })
            #expect(service.calls.allSatisfy { $0.headers["accept"] == "application/json" })
        }
    }

    @Test("Lists go over as many pages as they need")
    func pages() async throws {
        try await FakeService.run { service, client in
            let (first, second) = (sampleTask(.failure), sampleTask(.failure))
            service.on(
                "GET /longshore/v1/tasks",
                .answer(200, body: try json(TaskPage(tasks: [first], nextMarker: first.id))),
                .answer(200, body: try json(TaskPage(tasks: [second], nextMarker: nil))))
            #expect(try await client.allTasks(state: .failure, limit: 10) == [first, second])
            #expect(service.calls[1].target == "/longshore/v1/tasks?state=failure&limit=9&marker=\(first.id)")

            let (one, two) = (ImageID.random(), ImageID.random())
            service.on(
                "GET /v2/images", .answer(200, body: #"{"images":[\#(sampleImage(one))],"next":"/v2/images?x"}"#),
                .answer(200, body: #"{"images":[\#(sampleImage(two))]}"#))
            #expect(try await client.images(filters: [("tag", "a&b c")], limit: 5).map(\.id) == [one, two])
            #expect(service.calls[2].target == "/v2/images?tag=a%26b%20c&limit=5")
            #expect(service.calls[3].target == "/v2/images?tag=a%26b%20c&limit=4&marker=\(one)")
        }
    }

    @Test("A name finds its image; none and several are told apart")
    func names() async throws {
        try await FakeService.run { service, client in
            let id = ImageID.random()
            service.on(
                "GET /v2/images", .answer(200, body: #"{"images":[\#(sampleImage(id))]}"#),
                .answer(200, body: #"{"images":[]}"#),
                .answer(200, body: #"{"images":[\#(sampleImage(id)),\#(sampleImage(.random()))]}"#))
            let found = try await client.image(idOrName: "disk")
            #expect(found.id == id)
            await #expect(throws: ServiceError.self) { try await client.image(idOrName: "in:a") }
            #expect(service.calls.last?.target == "/v2/images?name=eq%3Ain%3Aa&limit=10")
            let error = await #expect(throws: ServiceError.self) { try await client.image(idOrName: "disk") }
            #expect(error?.description.contains(id.rawValue) == true)
        }
    }

    @Test("A refusal is told in the service's words, cleaned for the terminal")
    func refusal() async throws {
        try await FakeService.run { service, client in
            let id = TaskID.random()
            let route = "POST /longshore/v1/tasks/\(id)/cancel"
            service.on(
                route, .answer(409, body: #"{"message":"it has ended\u001b[2J already"}"#), .answer(500, body: "oops"))
            await #expect(throws: ServiceError.refused(status: 409, message: "it has ended already")) {
                try await client.cancel(id)
            }
            let error = await #expect(throws: ServiceError.self) { try await client.cancel(id) }
            #expect(error?.isPassing == true && error?.isUnreachable == false)
        }
    }

    @Test("Redirections, other pages and broken answers are understood as such")
    func strangers() async throws {
        try await FakeService.run { service, client in
            service.on(
                "GET /longshore/v1/stores", .answer(302, headers: ["Location": "http://127.0.0.1:1/"]),
                .answer(200, body: "<html>"), .pieces(["[{"], isCut: true))
            for isUnreachable in [false, false, true] {
                let error = await #expect(throws: ServiceError.self) { try await client.stores() }
                #expect(error?.isUnreachable == isUnreachable)
            }
        }
    }

    @Test("A service that is not there is unreachable, and the message says where it was looked for")
    func unreachable() async throws {
        let endpoint = try ServiceEndpoint(parsing: "http://127.0.0.1:1")
        let error = await #expect(throws: ServiceError.self) {
            try await ServiceClient.run(endpoint: endpoint, token: nil) { _ = try await $0.queue() }
        }
        #expect(error == .unreachable(endpoint: "http://127.0.0.1:1", reason: "connection refused"))
    }

    @Test("A cancelled request is a cancellation, not trouble with the service")
    func cancellation() async throws {
        try await FakeService.run { service, client in
            service.on("GET /longshore/v1/queue", .silence)
            await #expect(throws: CancellationError.self) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await client.queue() }
                    while service.calls.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("Events are handed out as they come, unknown ones left out")
    func events() async throws {
        try await FakeService.run { service, client in
            let event = FleetEvent(id: "5", type: "claimed", taskId: .random(), imageId: .random(), detail: "w")
            let text = "id: 5\nevent: claimed\ndata: \(try json(event))\n\n"
            service.on(
                "GET /longshore/v1/events",
                .pieces([": hi\n\n", String(text.prefix(20)), String(text.dropFirst(20)), "data: {}\n\n"]))
            var seen: [FleetEvent] = []
            try await client.events(after: "4") { seen.append($0) }
            #expect(seen == [event])
            #expect(service.calls.first?.headers["last-event-id"] == "4")
        }
    }

    @Test("An image keeps every member that the service sent")
    func imageDocument() throws {
        let id = ImageID.random()
        let image = try JSONDecoder().decode(ImageDocument.self, from: Data(sampleImage(id, size: 2048).utf8))
        #expect(image.id == id && image.size == 2048 && image.members["hw_disk_bus"] == .string("scsi"))
        #expect(try JSONLine.text(image).contains(#""hw_disk_bus":"scsi""#))
        let lines = FleetDetails.image(image, paint: .none)
        #expect(lines.first == "id                \(id)")
        #expect(lines.contains("size              2.0 KiB (2048 bytes)"))
        #expect(!lines.contains { $0.hasPrefix("schema") })
    }

    @Test("A task is shown with the attempts that have ended")
    func taskDetails() {
        let attempt = AttemptRecord(
            attempt: 1, worker: "w", phase: "streaming", bytes: 1024, reason: "connection reset", startedAtMs: 0,
            endedAtMs: 65_000)
        let lines = FleetDetails.task(
            sampleTask(.success, bytes: 4096, of: 4096, history: [attempt]), nowMs: 1_120_000, paint: .none)
        #expect(lines.contains("bytes     4.0 KiB of 4.0 KiB"))
        #expect(lines.contains("changed   1970-01-01 00:17:40Z (1m 00s ago)"))
        #expect(lines.last == "  1  w       streaming  1.0 KiB  1970-01-01 00:00:00Z  1m 05s  connection reset")
    }
}
