import Foundation
import HTTPTypes
import Hummingbird
import Logging
import LongshoreClient
import NIOCore
import ServiceLifecycle
import Synchronization

/// A real HTTP server on loopback that gives prepared answers and remembers what it was asked.
final class FakeService: Sendable {
    struct Call: Sendable {
        var method: String
        /// With the query.
        var target: String
        var headers: [String: String]
        var body: Data

        var json: JSONValue? { try? JSONDecoder().decode(JSONValue.self, from: body) }
    }

    enum Reply: Sendable {
        case answer(Int, headers: [String: String] = [:], body: String = "")
        /// The pieces one by one, and then the end of the answer or, if it is `cut`, of the connection.
        case pieces([String], isCut: Bool = false)
        /// Nothing, until the client gives up.
        case silence
    }

    private struct State {
        var replies: [String: [Reply]] = [:]
        var calls: [Call] = []
    }

    private let state = Mutex(State())

    /// Answers `route` (`GET /path`, without a query) with `replies`, one after the other; the last one stays.
    func on(_ route: String, _ replies: Reply...) { state.withLock { $0.replies[route] = replies } }

    var calls: [Call] { state.withLock(\.calls) }

    func calls(_ method: String, _ path: String) -> [Call] {
        calls.filter { $0.method == method && $0.target.split(separator: "?").first.map(String.init) == path }
    }

    /// Runs `body` with a client of a service that is stopped at the end.
    static func run(
        token: String? = nil, _ body: @escaping @Sendable (FakeService, ServiceClient) async throws -> Void
    ) async throws {
        let service = FakeService()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        var logger = Logger(label: "fake service")
        logger.logLevel = .critical
        let app = Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in try await service.respond(request) },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.yield($0.localAddress?.port ?? 0) }, logger: logger)
        let group = ServiceGroup(services: [app], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var result: Result<Void, any Error> = .success(())
            for await port in ports {
                do {
                    let endpoint = try ServiceEndpoint(parsing: "http://127.0.0.1:\(port)/")
                    try await ServiceClient.run(endpoint: endpoint, token: token) { try await body(service, $0) }
                } catch {
                    result = .failure(error)
                }
                break
            }
            // Not by cancellation: NIO traps when it drops a connection that was accepted and is not served yet.
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }

    private func respond(_ request: Request) async throws -> Response {
        let body = Data(try await request.body.collect(upTo: 64 << 20).readableBytesView)
        var headers: [String: String] = [:]
        for field in request.headers { headers[field.name.canonicalName] = field.value }
        let call = Call(
            method: request.method.rawValue, target: request.uri.description, headers: headers, body: body)
        switch take("\(request.method.rawValue) \(request.uri.path)", call) {
        case .answer(let status, let headers, let body):
            var fields = HTTPFields()
            for (name, value) in headers {
                if let name = HTTPField.Name(name) { fields[name] = value }
            }
            return Response(
                status: .init(code: status), headers: fields, body: .init(byteBuffer: ByteBuffer(string: body)))
        case .pieces(let pieces, let isCut):
            return Response(
                status: .ok,
                body: .init { writer in
                    for piece in pieces { try await writer.write(ByteBuffer(string: piece)) }
                    if isCut { throw Cut() }
                    try await writer.finish(nil)
                })
        case .silence:
            try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(600)) }
            return Response(status: .ok)
        }
    }

    private func take(_ route: String, _ call: Call) -> Reply {
        state.withLock { state in
            state.calls.append(call)
            guard var replies = state.replies[route], let first = replies.first else {
                return .answer(404, body: #"{"code":"404 Not Found","title":"Not Found","message":"nothing here"}"#)
            }
            if replies.count > 1 {
                replies.removeFirst()
                state.replies[route] = replies
            }
            return first
        }
    }

    private struct Cut: Error {}
}
