import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel
import Logging
import NIOCore
import NIOHTTPTypes

/// What goes along with a request.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// As in the header of the answer.
    var requestID = ""
    /// The UUID within the request id, where the service made it; a client's may come more than once.
    var ownID = TaskID.random()
    /// The request as a step of the trace that its client named.
    var trace: TraceContext?
    /// Set by `AuthenticationMiddleware`, before any handler runs.
    var caller = Caller(project: "", user: "", roles: [], scope: .nothing)
    /// The same for all copies of the context.
    let trail = RequestTrail()
    private let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// The client's address, or that of what stands before the service.
    var peer: String? { channel.remoteAddress?.ipAddress }

    /// Tells a client that waits for it to send its body. To be called when the body is wanted, and not before.
    func askForBody(of request: Request) async throws {
        guard request.headers[.expect]?.lowercased() == "100-continue" else { return }
        // Past Hummingbird's writer, which is not there yet: nothing else is written before the handler returns.
        try await channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)))
    }

    /// Returns when the connection has been handed what was written to it before.
    ///
    /// A writer that never waits for this runs ahead of an event loop that is busy with other connections: it is told
    /// that a socket is full only when the loop has come to it.
    func keepUp() async throws { try await channel.eventLoop.submit {}.get() }

    /// A captured part of the path; the empty text, which is no id, if there is none.
    func part(_ name: String) -> String { parameters.get(name) ?? "" }

    /// A captured part of the path, without its escapes.
    func decoded(_ name: String) throws(APIError) -> String {
        guard let text = PercentCoding.decode(part(name)) else {
            throw APIError(.badRequest, "The path of the URL is not well formed.")
        }
        return text
    }
}
