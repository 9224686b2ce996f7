import HTTPTypes
import Hummingbird

/// The paths that are served and by which methods, so that a known path tells what it takes.
struct RouteTable {
    typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    /// Those that have routes, or refusals, of their own.
    static let methods: [HTTPRequest.Method] = [.get, .head, .put, .post, .patch, .delete, .options, .trace]
    /// What any other method is served as: methods are a stranger's choice.
    static let other = HTTPRequest.Method("OTHER") ?? .trace

    private let router: Router<APIContext>
    /// Of each path.
    private(set) var methods: [String: Set<HTTPRequest.Method>] = [:]

    init(router: Router<APIContext>) { self.router = router }

    /// - Parameter takesBody: without, a request that brings a body is refused.
    mutating func on(
        _ method: HTTPRequest.Method, _ path: String, takesBody: Bool = false, _ handler: @escaping Handler
    ) {
        add(method, path) { request, context in
            guard takesBody || !RequestBodies.isAnnounced(by: request) else {
                throw APIError(.badRequest, "\(method.rawValue) \(request.uri.path) takes no body.")
            }
            return try await handler(request, context)
        }
    }

    /// Serves GET and HEAD.
    mutating func get(_ path: String, _ handler: @escaping Handler) {
        on(.get, path, handler)
        on(.head, path) { try await handler($0, $1).createHeadResponse() }
    }

    private mutating func add(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        methods[path, default: []].insert(method)
        router.on(RouterPath(path), method: method, use: handler)
    }

    /// To be called last: every other method on a known path is answered with 405 and what is allowed.
    func refuseOtherMethods() {
        for (path, allowed) in methods {
            let allow = allowed.map(\.rawValue).sorted().joined(separator: ", ")
            for method in Self.methods + [Self.other] where !allowed.contains(method) {
                router.on(RouterPath(path), method: method) { request, _ -> Response in
                    throw APIError(
                        .methodNotAllowed,
                        "\(method == Self.other ? "The method" : method.rawValue) is not allowed here; use \(allow).",
                        headers: [.allow: allow])
                }
            }
        }
    }
}
