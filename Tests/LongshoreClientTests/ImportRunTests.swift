import Foundation
import ImportModel
import LongshoreClient
import Testing

@Suite("Imports from the command")
struct ImportRunTests {
    private let image = ImageID.random()
    private let task = TaskID.random()

    private func job(_ source: ImportSource, format: String? = "qcow2") -> ImportJob {
        var draft = ImageDraft(name: "", diskFormat: "")
        draft.tags = ["t"]
        draft.properties = ["os_distro": "debian"]
        var order = ImportOrder()
        order.priority = 7
        order.stores = [StoreID(rawValue: "fast")].compactMap { $0 }
        return ImportJob(NamedSource(source), diskFormat: format, draft: draft, order: order)
    }

    private func accept(_ service: FakeService) {
        service.on("POST /v2/images", .answer(201, body: sampleImage(image)))
        service.on("PUT /v2/images/\(image)/stage", .answer(204))
        service.on("DELETE /v2/images/\(image)", .answer(204))
        service.on("POST /v2/images/\(image)/import", .answer(202, headers: ["X-Longshore-Task": task.rawValue]))
    }

    private func run(
        _ jobs: [ImportJob], _ client: ServiceClient, waits: Bool = false, timeout: Duration? = nil
    ) async throws -> (rows: [TransferRow], notices: [String], end: ImportRun.End) {
        let board = ProgressBoard()
        let run = ImportRun(
            client: client, jobs: jobs, board: board, parallel: 4, waits: waits, timeout: timeout,
            interval: .milliseconds(2))
        let end = try await run.run()
        return (board.rows, board.takeNotices(), end)
    }

    @Test("An URL becomes an image and a web-download with everything that was asked for")
    func webDownload() async throws {
        try await FakeService.run { service, client in
            accept(service)
            let result = try await run([job(.url("https://u:p@h/debian.qcow2?sig=1"))], client)
            #expect(result.rows.map(\.stage) == [.handedOver] && result.rows[0].task == task)
            let draft = try #require(service.calls("POST", "/v2/images").first?.json?.object)
            #expect(draft["name"] == .string("debian") && draft["disk_format"] == .string("qcow2"))
            #expect(draft["os_distro"] == .string("debian") && draft["tags"] == .array([.string("t")]))
            let order = try #require(service.calls("POST", "/v2/images/\(image)/import").first?.json?.object)
            #expect(
                order["method"]
                    == .object(["name": .string("web-download"), "uri": .string("https://u:p@h/debian.qcow2?sig=1")]))
            #expect(order["stores"] == .array([.string("fast")]))
            #expect(order["longshore"] == .object(["priority": .integer(7)]))
            let report = try JSONLine.text(ImportReport(job(.url("https://u:p@h/debian.qcow2?sig=1")), result.rows[0]))
            #expect(report.contains(#""source":"https://h/debian.qcow2""#) && !report.contains("sig="))
        }
    }

    @Test("A copy names its method and stores, and is told of no task where there is nothing to do")
    func copy() async throws {
        try await FakeService.run { service, client in
            accept(service)
            var order = ImportOrder()
            order.stores = [StoreID(rawValue: "fast")].compactMap { $0 }
            #expect(try await client.startCopy(image, order) == task)
            let sent = try #require(service.calls("POST", "/v2/images/\(image)/import").first?.json?.object)
            #expect(sent["method"] == .object(["name": .string("copy-image")]))
            #expect(sent["stores"] == .array([.string("fast")]))
            service.on("POST /v2/images/\(image)/import", .answer(202))
            #expect(try await client.startCopy(image, order) == nil)
        }
    }

    @Test("A file is uploaded whole, with its format found out, and imported by glance-direct")
    func upload() async throws {
        var bytes = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
        bytes.replaceSubrange(0..<8, with: Array("vhdxfile".utf8))
        try await withFile(bytes, named: "my disk.vhdx") { [bytes] path in
            try await FakeService.run { service, client in
                accept(service)
                let result = try await run([job(.file(path: path), format: nil)], client)
                #expect(result.rows.map(\.stage) == [.handedOver])
                let stage = try #require(service.calls("PUT", "/v2/images/\(image)/stage").first)
                #expect(stage.body == bytes)
                #expect(stage.headers["content-length"] == "3000000")
                #expect(service.calls("POST", "/v2/images").first?.json?.object?["disk_format"] == .string("vhdx"))
                let order = service.calls("POST", "/v2/images/\(image)/import").first?.json?.object
                #expect(order?["method"] == .object(["name": .string("glance-direct")]))
            }
        }
    }

    @Test("An image whose import is refused is deleted again", arguments: ["import", "stage"])
    func refused(at step: String) async throws {
        try await withFile(Data(count: 10)) { path in
            try await FakeService.run { service, client in
                accept(service)
                let method = step == "import" ? "POST" : "PUT"
                service.on("\(method) /v2/images/\(image)/\(step)", .answer(409, body: #"{"message":"not now"}"#))
                let result = try await run([job(.file(path: path))], client)
                #expect(result.rows[0].stage == .failed && result.rows[0].note == "not now")
                #expect(service.calls("DELETE", "/v2/images/\(image)").count == 1)
            }
        }
    }

    @Test("An image that could not be deleted again is named")
    func leftBehind() async throws {
        try await FakeService.run { service, client in
            accept(service)
            service.on("POST /v2/images/\(image)/import", .answer(400, body: #"{"message":"bad store"}"#))
            service.on("DELETE /v2/images/\(image)", .answer(503, body: #"{"message":"busy"}"#))
            let result = try await run([job(.url("http://h/x.iso"))], client)
            #expect(
                result.rows[0].note
                    == "bad store; image \(image) is left behind (busy): 'longshore delete \(image)' removes it")
        }
    }

    @Test("A file that is not there creates nothing")
    func missingFile() async throws {
        try await FakeService.run { service, client in
            let result = try await run([job(.file(path: "/nonexistent/disk.raw"))], client)
            #expect(result.rows[0].stage == .failed)
            #expect(service.calls.isEmpty)
        }
    }

    @Test("Waiting follows the task to its end, over a time in which the service is away")
    func waiting() async throws {
        try await FakeService.run { service, client in
            accept(service)
            func view(_ state: TaskState, _ bytes: Int64) throws -> FakeService.Reply {
                .answer(200, body: try json(sampleTask(id: task, image: image, state, bytes: bytes, of: 100)))
            }
            service.on(
                "GET /longshore/v1/tasks/\(task)", try view(.pending, 0), try view(.processing, 10),
                .answer(503, body: #"{"message":"Redis is away"}"#), .pieces([], isCut: true),
                try view(.processing, 50),
                try view(.success, 100))
            let result = try await run([job(.url("http://h/x.iso"))], client, waits: true)
            #expect(result.end == .finished)
            #expect(result.rows[0].stage == .succeeded && result.rows[0].done == 100)
            #expect(
                result.notices == [
                    "Redis is away; imports go on without it, still trying", "the service answers again",
                ])
        }
    }

    @Test("A failed task ends the wait with its reason")
    func failure() async throws {
        try await FakeService.run { service, client in
            accept(service)
            let view = sampleTask(id: task, image: image, .failure, result: .rejected, message: "404 Not Found")
            service.on("GET /longshore/v1/tasks/\(task)", .answer(200, body: try json(view)))
            let result = try await run([job(.url("http://h/x.iso"))], client, waits: true)
            #expect(result.rows[0].stage == .failed && result.rows[0].note == "404 Not Found")
        }
    }

    @Test("A wait that takes too long ends, and the import goes on")
    func timeout() async throws {
        try await FakeService.run { service, client in
            accept(service)
            let view = sampleTask(id: task, image: image, .processing, phase: .streaming)
            service.on("GET /longshore/v1/tasks/\(task)", .answer(200, body: try json(view)))
            let result = try await run([job(.url("http://h/x.iso"))], client, waits: true, timeout: .seconds(2))
            #expect(result.end == .timedOut)
            #expect(service.calls("DELETE", "/v2/images/\(image)").isEmpty)
        }
    }

    @Test("An interrupted upload takes its image away with it")
    func interrupted() async throws {
        try await withFile(Data(count: 10)) { path in
            try await FakeService.run { service, client in
                accept(service)
                service.on("PUT /v2/images/\(image)/stage", .silence)
                let jobs = [job(.file(path: path))]
                await #expect(throws: CancellationError.self) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { _ = try await run(jobs, client) }
                        while service.calls("PUT", "/v2/images/\(image)/stage").isEmpty {
                            try await Task.sleep(for: .milliseconds(2))
                        }
                        group.cancelAll()
                        try await group.waitForAll()
                    }
                }
                #expect(service.calls("DELETE", "/v2/images/\(image)").count == 1)
            }
        }
    }

    @Test("When the service does not answer, the rest of a long list is not tried")
    func unreachable() async throws {
        let endpoint = try ServiceEndpoint(parsing: "http://127.0.0.1:1")
        try await ServiceClient.run(endpoint: endpoint, token: nil) { client in
            let jobs = (0..<50).map { job(.url("http://h/\($0).iso")) }
            let result = try await run(jobs, client, waits: true)
            #expect(result.rows.allSatisfy { $0.stage == .failed && $0.isUnreachable })
            #expect(result.rows.filter { $0.note.hasPrefix("not sent") }.count >= 40)
        }
    }

    @Test("Many imports are sent and followed together")
    func many() async throws {
        try await FakeService.run { service, client in
            accept(service)
            let view = sampleTask(id: task, image: image, .success, bytes: 5, of: 5)
            service.on("GET /longshore/v1/tasks/\(task)", .answer(200, body: try json(view)))
            let result = try await run((0..<100).map { job(.url("http://h/\($0).iso")) }, client, waits: true)
            #expect(result.rows.count == 100 && result.rows.allSatisfy { $0.stage == .succeeded })
            #expect(service.calls("POST", "/v2/images").count == 100)
        }
    }
}
