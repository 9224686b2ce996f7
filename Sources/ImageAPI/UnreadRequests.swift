import HTTPTypes
import ImportModel
import Logging
import NIOCore
import NIOHTTP1

/// Answers what came in place of a request and is none.
struct UnreadRequests: Sendable {
    let observe: @Sendable (_ method: String, _ route: String, _ status: Int, _ took: Duration) -> Void
    let logger: Logger

    func answer(to error: any Error, from peer: SocketAddress?) -> (head: HTTPResponse, body: ByteBuffer) {
        let isTooLarge = error as? HTTPParserError == .headerOverflow
        let status: HTTPResponse.Status = isTooLarge ? .requestHeaderFieldsTooLarge : .badRequest
        let message =
            isTooLarge
            ? "The URL or the headers of the request are too large."
            : "What was sent is no HTTP request that can be read."
        let id = TaskRecord.requestID(of: TaskID.random())
        observe("other", "none", status.code, .zero)
        logger.info(
            "- - \(status.code)",
            metadata: ["request_id": "\(id)", "peer": "\(peer?.ipAddress ?? "-")", "cause": "\(error)"])
        let body = ByteBuffer(string: "\(status.code) \(status.reasonPhrase)\n\n\(message)\n")
        let head = HTTPResponse(
            status: status,
            headerFields: [
                .contentType: "text/plain; charset=utf-8", .contentLength: String(body.readableBytes),
                .connection: "close", Header.requestID: id,
            ])
        return (head, body)
    }
}
