import HTTPTypes
import Hummingbird

/// Serves `/v2.0/…` to the current minor version as `/v2/…`, and answers any other version with those there are. Methods
/// that nothing is served by become one.
struct VersionedPaths<Next: HTTPResponder>: HTTPResponder where Next.Context == APIContext {
    let next: Next

    func respond(to request: Request, context: APIContext) async throws -> Response {
        var request = rewritten(request) ?? request
        if !RouteTable.methods.contains(request.method) {
            var head = request.head
            head.method = RouteTable.other
            request = Request(head: head, body: request.body)
        }
        return try await next.respond(to: request, context: context)
    }

    private func rewritten(_ request: Request) -> Request? {
        let path = request.uri.path
        let first = path.dropFirst().prefix { $0 != "/" }
        guard first != "v2", Self.isVersion(first) else { return nil }
        var head = request.head
        if APIVersions.all.contains(String(first)) {
            let query = request.uri.query.map { "?" + $0 } ?? ""
            head.path = "/v2" + path.dropFirst(1 + first.count) + query
        } else {
            head.path = "/"
            head.method = .get
            head.headerFields[.contentLength] = nil
            head.headerFields[.transferEncoding] = nil
        }
        return Request(head: head, body: request.body)
    }

    /// `v3`, `v2.99` …
    private static func isVersion(_ text: Substring) -> Bool {
        guard text.first == "v", text.count > 1 else { return false }
        return text.dropFirst().allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
    }
}
