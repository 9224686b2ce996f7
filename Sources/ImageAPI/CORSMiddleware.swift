import HTTPTypes
import Hummingbird

/// Lets pages of some origins use the API from browsers. No cookies are known here, so that none are asked for: who
/// has no token gets no further than without a browser.
struct CORSMiddleware: RouterMiddleware {
    typealias Context = APIContext

    /// Such as `https://horizon.example.org`; `*`: all.
    let origins: Set<String>

    private static let methods = "DELETE, GET, HEAD, PATCH, POST, PUT"
    private static let taken = [
        "Accept", "Authorization", "Content-Type", "Last-Event-ID", "Range", "X-Auth-Token", "X-Image-Meta-Store",
        "X-OpenStack-Request-ID", "X-OpenStack-Image-Size", "traceparent", "tracestate",
    ].joined(separator: ", ")
    private static let shown = [
        "Accept-Patch", "Allow", "Content-Length", "Content-MD5", "Content-Range", "Location",
        "OpenStack-image-import-methods", "OpenStack-image-store-ids", "Retry-After", "WWW-Authenticate",
        "X-Longshore-Task", "X-OpenStack-Request-ID",
    ].joined(separator: ", ")
    /// How long browsers remember the answer to their question, in seconds.
    private static let maxAge = "600"

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let isForAll = origins.contains("*")
        guard let origin = request.headers[.origin], isForAll || origins.contains(origin) else {
            var response = try await next(request, context)
            if !isForAll { response.headers[.vary] = "Origin" }
            return response
        }
        var response: Response
        if request.method == .options, request.headers[.accessControlRequestMethod] != nil {
            response = .noContent
            response.headers[.accessControlAllowMethods] = Self.methods
            response.headers[.accessControlAllowHeaders] = Self.taken
            response.headers[.accessControlMaxAge] = Self.maxAge
        } else {
            response = try await next(request, context)
            response.headers[.accessControlExposeHeaders] = Self.shown
        }
        response.headers[.accessControlAllowOrigin] = isForAll ? "*" : origin
        if !isForAll { response.headers[.vary] = "Origin" }
        return response
    }
}
