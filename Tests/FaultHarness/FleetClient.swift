import AsyncHTTPClient
package import Foundation
package import ImportModel
import NIOCore
import NIOFoundationCompat
package import NIOHTTP1
import TestSupport

/// A client of one API process that shows every answer as it is.
package struct FleetClient: Sendable {
    package struct Answer: Sendable {
        package let status: Int
        package let headers: HTTPHeaders
        package let body: Data

        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// What the tests read of an image.
    package struct Image: Decodable, Sendable {
        package let id: ImageID
        package let status: String
        package let size: Int64?
        package let checksum: String?
        package let digest: String?
        package let task: String?
        private let stores: String?

        /// Where it is.
        package var storeNames: Set<String> { Set((stores ?? "").split(separator: ",").map(String.init)) }

        private enum CodingKeys: String, CodingKey {
            case id, status, size, checksum, stores
            case digest = "os_hash_value"
            case task = "os_glance_import_task"
        }
    }

    /// Lives as long as the tests.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration(timeout: .init(connect: .seconds(10), read: .seconds(60)))
        // A refused connection is an answer.
        configuration.connectionPool.retryConnectionEstablishment = false
        // What is asked at once goes out at once.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// For example `http://127.0.0.1:9292`.
    package let endpoint: String

    package init(endpoint: String) { self.endpoint = endpoint }

    package func send(
        _ method: HTTPMethod, _ path: String, json: String? = nil, headers: [(String, String)] = [], body: Data? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: endpoint + path)
        request.method = method
        request.headers.add(name: "Accept", value: "application/json")
        if let json {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(Data(json.utf8))
        }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body { request.body = .bytes(body) }
        let response = try await Self.http.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, body: Data(buffer: bytes))
    }

    /// Makes an image that waits for its bytes.
    package func create(_ name: String = "image", format: String = "raw") async throws -> ImageID {
        let json = #"{"name":"\#(name)","disk_format":"\#(format)","container_format":"bare"}"#
        let answer = try await send(.POST, "/v2/images", json: json)
        guard answer.status == 201 else { throw UnexpectedAnswer("create", answer) }
        return try JSONDecoder().decode(Image.self, from: answer.body).id
    }

    /// Asks for a web-download and gives the answer, whatever it is.
    /// - Parameter checksum: the digest that the bytes must have, such as `sha256:…`.
    package func requestImport(_ image: ImageID, _ uri: String, checksum: String? = nil) async throws -> Answer {
        let extras = checksum.map { #","longshore":{"checksum":"\#($0)"}"# } ?? ""
        let json = #"{"method":{"name":"web-download","uri":"\#(uri)"}\#(extras)}"#
        return try await send(.POST, "/v2/images/\(image)/import", json: json)
    }

    /// Makes an image and begins its import.
    package func beginImport(_ uri: String, name: String = "image") async throws -> ImageID {
        let id = try await create(name)
        let answer = try await requestImport(id, uri)
        guard answer.status == 202 else { throw UnexpectedAnswer("import", answer) }
        return id
    }

    package func image(_ id: ImageID) async throws -> Image {
        let answer = try await send(.GET, "/v2/images/\(id)")
        guard answer.status == 200 else { throw UnexpectedAnswer("show", answer) }
        return try JSONDecoder().decode(Image.self, from: answer.body)
    }

    /// The image's tasks with their history, newest first.
    package func tasks(of image: ImageID) async throws -> [TaskView] {
        let page = try await fleet(TaskPage.self, "/tasks?image=\(image)")
        var tasks: [TaskView] = []
        for task in page.tasks { tasks.append(try await fleet(TaskView.self, "/tasks/\(task.id)")) }
        return tasks
    }

    /// The newest task of an image.
    package func task(of image: ImageID) async throws -> TaskView {
        guard let task = try await tasks(of: image).first else { throw ServiceFailure("image \(image) has no task") }
        return task
    }

    package func queue() async throws -> QueueStats { try await fleet(QueueStats.self, "/queue") }
    package func workers() async throws -> [ProcessView] { try await fleet([ProcessView].self, "/workers") }

    private func fleet<Value: Decodable>(_ type: Value.Type, _ path: String) async throws -> Value {
        let answer = try await send(.GET, "/longshore/v1" + path)
        guard answer.status == 200 else { throw UnexpectedAnswer(path, answer) }
        return try FleetJSON.decode(type, from: answer.body)
    }

    /// Waits until the images have this status. An image whose import has failed for good ends the wait.
    package func wait(
        for images: some Collection<ImageID>, toBe status: String = "active", within limit: Duration = .seconds(120)
    ) async throws {
        var waiting = Set(images)
        do {
            try await eventually(within: limit) {
                for image in waiting where try await self.image(image).status == status { waiting.remove(image) }
                return waiting.isEmpty
            }
        } catch let error as EventuallyError {
            var report = "\(error): \(waiting.count) of \(images.count) images are not \(status)"
            for image in waiting.prefix(5) {
                let now = try await self.image(image)
                let task = try await tasks(of: image).first
                report +=
                    "\n  \(image) is \(now.status): \(task.map { "\($0.state) \($0.message) \($0.history ?? [])" } ?? "no task")"
            }
            throw EventuallyError(report)
        }
    }
}

package struct UnexpectedAnswer: Error, CustomStringConvertible {
    package let description: String

    package init(_ what: String, _ answer: FleetClient.Answer) {
        description = "\(what) was answered with \(answer.status): \(answer.text.prefix(500))"
    }
}
