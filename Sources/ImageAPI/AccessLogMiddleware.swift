import Hummingbird
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
        context.logger.info(
            "\(request.method.rawValue.prefix(16)) \(request.uri.path.prefix(256)) \(status)",
            metadata: [
                "request_id": "\(context.requestID)",
                "ms": "\(Int(took / .milliseconds(1)))",
            ])
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
