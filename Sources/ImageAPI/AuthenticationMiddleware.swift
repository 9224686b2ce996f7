import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel

/// Lets a request pass with its caller. What tells nothing of images is open to all.
struct AuthenticationMiddleware: RouterMiddleware {
    typealias Context = APIContext

    let authenticator: any Authenticator
    let policy: Policy
    static let open: Set<String> = [
        "/", "/versions", "/v2", "/v2/", "/healthz", "/readyz", DiscoveryController.contractPath,
    ]

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.caller.policy = policy
        if isOpen(request.uri.path) { return try await next(request, context) }
        guard var caller = try await authenticator.caller(token: Self.token(of: request)) else {
            let headers = authenticator.challenge.map { HTTPFields([HTTPField(name: .wwwAuthenticate, value: $0)]) }
            throw APIError(
                .unauthorized, "Authentication required: send a valid token in X-Auth-Token.", headers: headers ?? [:])
        }
        caller.policy = policy
        context.caller = caller
        context.trail.note { facts in
            facts.project = caller.project
            facts.user = caller.user
        }
        return try await next(request, context)
    }

    private func isOpen(_ path: String) -> Bool {
        Self.open.contains(path) || (path == "/metrics" && policy.rule(for: .fleetGetMetrics) == .anyone)
    }

    private static func token(of request: Request) -> String? {
        if let token = request.headers[Header.token] { return token }
        guard let field = request.headers[.authorization] else { return nil }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}
