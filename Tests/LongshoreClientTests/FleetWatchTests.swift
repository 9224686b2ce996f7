import Foundation
import ImportModel
import LongshoreClient
import Testing

@Suite("Watching and downloading")
struct FleetWatchTests {
    @Test("Given tasks are watched until the last has ended")
    func givenTasks() async throws {
        try await FakeService.run { service, client in
            let id = TaskID.random()
            service.on(
                "GET /longshore/v1/tasks/\(id)", .answer(200, body: try json(sampleTask(id: id, .pending))),
                .answer(200, body: try json(sampleTask(id: id, .processing))),
                .answer(200, body: try json(sampleTask(id: id, .failure, result: .cancelled))))
            let board = ProgressBoard()
            let watch = FleetWatch(client: client, board: board, tasks: [id], interval: .milliseconds(5)) {
                $0.id.rawValue
            }
            try await watch.run()
            #expect(board.rows.map(\.phase) == ["cancelled"])
        }
    }

    @Test("An event makes the watcher look at once")
    func events() async throws {
        try await FakeService.run { service, client in
            let id = TaskID.random()
            let event = FleetEvent(id: "1", type: "success", taskId: id, imageId: .random(), detail: "")
            service.on("GET /longshore/v1/events", .pieces(["id: 1\ndata: \(try json(event))\n\n"]))
            service.on(
                "GET /longshore/v1/tasks/\(id)", .answer(200, body: try json(sampleTask(id: id, .processing))),
                .answer(200, body: try json(sampleTask(id: id, .success))))
            let board = ProgressBoard()
            // Without the event the second look would come in an hour.
            let watch = FleetWatch(client: client, board: board, tasks: [id], interval: .seconds(3600)) {
                $0.id.rawValue
            }
            try await watch.run()
            #expect(board.rows.map(\.stage) == [.succeeded])
        }
    }

    @Test("Without tasks everything that waits or runs is shown, and the end of what leaves the lists is learnt")
    func everything() async throws {
        try await FakeService.run { service, client in
            let id = TaskID.random()
            let running = TaskPage(tasks: [sampleTask(id: id, .processing)], nextMarker: nil)
            let none = TaskPage(tasks: [], nextMarker: nil)
            service.on(
                "GET /longshore/v1/tasks", .answer(200, body: try json(running)), .answer(200, body: try json(none)))
            service.on("GET /longshore/v1/tasks/\(id)", .answer(200, body: try json(sampleTask(id: id, .success))))
            let board = ProgressBoard()
            let watch = FleetWatch(client: client, board: board, tasks: [], interval: .milliseconds(5)) {
                $0.id.rawValue
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await watch.run() }
                while board.rows.first?.stage != .succeeded { try await Task.sleep(for: .milliseconds(2)) }
                group.cancelAll()
            }
            #expect(board.rows.count == 1)
        }
    }

    @Test("A download appears under its name when it is whole")
    func download() async throws {
        try await withFolder { folder in
            try await FakeService.run { service, client in
                let id = ImageID.random()
                let image = try JSONDecoder().decode(ImageDocument.self, from: Data(sampleImage(id, size: 6).utf8))
                service.on("GET /v2/images/\(id)/file", .pieces(["abc", "def"]))
                let path = folder.appending(path: "disk.img").path
                let writer = try await FileWriter.begin(path)
                #expect(!FileManager.default.fileExists(atPath: path))
                #expect(try await client.download(image, to: writer) == 6)
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("abcdef".utf8))
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["disk.img"])
            }
        }
    }

    @Test("A download that is short, breaks off or is refused leaves nothing")
    func brokenDownload() async throws {
        try await withFolder { folder in
            try await FakeService.run { service, client in
                let id = ImageID.random()
                let image = try JSONDecoder().decode(ImageDocument.self, from: Data(sampleImage(id, size: 6).utf8))
                service.on(
                    "GET /v2/images/\(id)/file", .pieces(["abc"]), .pieces(["abc"], isCut: true), .answer(204),
                    .answer(403, body: #"{"message":"deactivated"}"#))
                for _ in 0..<4 {
                    let writer = try await FileWriter.begin(folder.appending(path: "disk.img").path)
                    await #expect(throws: ServiceError.self) { _ = try await client.download(image, to: writer) }
                    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
                }
            }
        }
    }

    @Test("A file cannot be begun where there is no folder, or where a folder has its name")
    func badPlace() async throws {
        try await withFolder { folder in
            await #expect(throws: LocalFileError.self) { _ = try await FileWriter.begin(folder.path) }
            await #expect(throws: LocalFileError.self) { _ = try await FileWriter.begin(folder.path + "/no/file") }
        }
    }
}
