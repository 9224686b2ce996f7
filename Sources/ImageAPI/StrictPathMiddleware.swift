import Hummingbird

/// Refuses paths with empty parts: the router would pass over them, and `/v2/images/` is an image without an id.
struct StrictPathMiddleware: RouterMiddleware {
    typealias Context = APIContext

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        guard path == "/" || path == "/v2/" || (!path.contains("//") && !path.hasSuffix("/")) else {
            throw APIError(.notFound, "The resource could not be found.")
        }
        return try await next(request, context)
    }
}
