import Hummingbird
import ImportModel
import Logging

/// A line for every request, and its figures. No query and no header is logged: they may hold what is secret.
struct AccessLogMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let observe: @Sendable (_ method: String, _ route: String, _ status: Int, _ took: Duration) -> Void

    /// The time is that until the answer begins; the body of a download follows.
    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        let response = try await next(request, context)
        let took = ContinuousClock.now - start
        let status = response.status.code
        observe(Self.known(request.method), context.endpointPath ?? "none", status, took)
        let facts = context.trail.facts
        var fields: Logger.Metadata = [
            "request_id": "\(context.requestID)", "ms": "\(Int(took / .milliseconds(1)))",
            "peer": "\(context.peer ?? "-")",
        ]
        // Administrators of a domain have no project, and who is not let in has no name.
        if let project = facts.project, !project.isEmpty { fields["project"] = "\(project)" }
        if let user = facts.user, !user.isEmpty { fields["user"] = "\(user)" }
        if let trace = context.trace {
            fields["trace"] = "\(trace.trace)"
            fields["span"] = "\(trace.span)"
        }
        if let received = facts.received { fields["received"] = "\(received)" }
        // As announced: whether they arrive shows later.
        if request.method != .head, let bytes = response.body.contentLength { fields["bytes"] = "\(bytes)" }
        context.logger.info(
            "\(request.method.rawValue.prefix(16)) \(request.uri.path.prefix(256)) \(status)", metadata: fields)
        return response
    }

    /// Methods are a stranger's choice; as labels they must be few.
    private static func known(_ method: HTTPRequest.Method) -> String {
        switch method {
        case .get, .head, .put, .post, .patch, .delete, .options: method.rawValue
        default: "other"
        }
    }
}
