import HTTPTypes
import Hummingbird

/// Lets a request pass with its caller. What tells nothing of images is open to all.
struct AuthenticationMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let authenticator: any Authenticator
    private static let open: Set<String> = ["/", "/versions", "/v2", "/v2/", "/healthz", "/readyz"]

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        if Self.open.contains(request.uri.path) { return try await next(request, context) }
        let token = HTTPField.Name("X-Auth-Token").flatMap { request.headers[$0] }
        guard let caller = try await authenticator.caller(token: token) else {
            throw APIError(.unauthorized, "Authentication required: send a token in X-Auth-Token.")
        }
        var context = context
        context.caller = caller
        return try await next(request, context)
    }
}
