import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel
import Logging

/// Turns what handlers throw into answers, in the form that the client reads.
struct ErrorMiddleware: RouterMiddleware {
    typealias Context = APIContext

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as CancellationError {
            throw error
        } catch {
            let refusal = APIError(error)
            if refusal.status.code >= 500 {
                context.logger.error(
                    "request failed",
                    metadata: [
                        "request_id": "\(context.requestID)", "status": "\(refusal.status.code)",
                        "answer": "\(refusal.message)", "cause": "\(refusal.cause.map { "\($0)" } ?? "-")",
                    ])
            }
            return Self.response(to: request, refusal)
        }
    }

    static func response(to request: Request, _ error: APIError) -> Response {
        var response = page(for: request, error)
        response.headers.append(contentsOf: error.headers)
        if request.method == .head { response = response.createHeadResponse() }
        return response
    }

    /// JSON only for who names it. `*/*` gets HTML: a widely used client, which accepts all, cannot read JSON errors.
    private static func page(for request: Request, _ error: APIError) -> Response {
        let code = "\(error.status.code) \(error.status.reasonPhrase)"
        let accept = request.headers[.accept]?.lowercased() ?? ""
        if request.uri.path.hasPrefix("/longshore/") {
            let body = JSON.object(["message": .string(error.message)])
            return .json(body, status: error.status)
        }
        if accept.contains("application/json") {
            let body = JSON.object([
                "message": .string(error.message), "code": .string(code), "title": .string(error.status.reasonPhrase),
            ])
            return .json(body, status: error.status)
        }
        if accept.contains("text/html") || accept.contains("*/*") {
            let page = """
                <html>
                 <head>
                  <title>\(code)</title>
                 </head>
                 <body>
                  <h1>\(code)</h1>
                  \(escape(error.message))<br /><br />
                 </body>
                </html>

                """
            return .text(page, type: "text/html; charset=UTF-8", status: error.status)
        }
        return .text("\(code)\n\n\(error.message)\n", status: error.status)
    }

    private static func escape(_ text: String) -> String {
        text.replacingScalar("&", with: "&amp;").replacingScalar("<", with: "&lt;").replacingScalar(">", with: "&gt;")
            .replacingScalar("\"", with: "&quot;")
    }
}
