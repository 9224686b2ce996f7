import HTTPTypes
import Hummingbird
import ImportModel

/// Gives every request an id, or takes the client's, and puts it on the answer.
struct RequestIDMiddleware: RouterMiddleware {
    typealias Context = APIContext

    static let maxLength = 64

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = TaskRecord.requestID(of: context.ownID)
        context.trace = request.headers[Header.traceparent].flatMap { TraceContext($0)?.next() }
        var refusal: APIError?
        if let given = request.headers[Header.requestID], !given.isEmpty {
            if given.utf8.count > Self.maxLength {
                refusal = APIError(
                    .requestHeaderFieldsTooLarge,
                    "x-openstack-request-id may have at most \(Self.maxLength) characters.")
            } else if given.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }) {
                context.requestID = given
            }
        }
        var response =
            if let refusal { ErrorMiddleware.response(to: request, refusal) } else {
                try await next(request, context)
            }
        response.headers[Header.requestID] = context.requestID
        return response
    }
}
