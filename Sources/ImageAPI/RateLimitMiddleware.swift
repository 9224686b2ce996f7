import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel

/// Refuses what goes beyond a project's rate. Health, figures and versions are always answered.
struct RateLimitMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let limiter: RateLimiter

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        if AuthenticationMiddleware.open.contains(path) || path == "/metrics" {
            return try await next(request, context)
        }
        let caller = context.caller
        // Administrators of a domain or the system have no project.
        let key = caller.project.isEmpty ? "user \(caller.user)" : "project \(caller.project)"
        if let wait = limiter.take(key) {
            let seconds = max(1, (wait.wholeMilliseconds + 999) / 1000)
            throw APIError(
                .tooManyRequests, "Too many requests by this project; try again in \(seconds) s.",
                headers: [.retryAfter: String(seconds)])
        }
        return try await next(request, context)
    }
}
