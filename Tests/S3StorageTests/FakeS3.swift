import Foundation
import ImportModel
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

@testable import S3Storage

/// A service on loopback that does what a test says, request by request.
final class FakeS3: Sendable {
    struct Request: Sendable {
        let method: String
        let target: String
        let headers: HTTPHeaders
        let body: ByteBuffer

        func has(_ parameter: String) -> Bool { target.contains("?\(parameter)") || target.contains("&\(parameter)") }

        /// Of a part that is sent.
        var partNumber: Int? {
            target.components(separatedBy: "partNumber=").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) }
        }

        /// Whose signature it bears.
        func isSigned(by id: String) -> Bool {
            headers.first(name: "authorization")?.contains("Credential=\(id)/") == true
        }
    }

    indirect enum Reply: Sendable {
        case answer(Int, [(String, String)] = [], String = "")
        /// What `HEAD` brings.
        case head(Int, [(String, String)])
        /// Announces so many bytes, sends these and ends the connection.
        case cutOff(Int, announced: Int, String, [(String, String)] = [])
        /// Ends the connection without an answer.
        case drop
        /// Sends so many bytes of `x`.
        case flood(Int)
        /// Waits for the signal before that.
        case after(EventLoopFuture<Void>, Reply)

        static func error(_ status: Int, _ code: String, _ message: String = "") -> Reply {
            .answer(status, [], "<Error><Code>\(code)</Code><Message>\(message)</Message></Error>")
        }
    }

    let endpoint: String
    private let listener: any Channel
    private let log: RequestLog

    var requests: [Request] { log.requests.withLock { $0 } }

    init(_ script: @escaping @Sendable (Request) -> Reply) async throws {
        let log = RequestLog()
        self.log = log
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(FakeHandler(script: script, log: log))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        endpoint = "http://127.0.0.1:\(listener.localAddress?.port ?? 0)"
    }

    func stop() async throws { try await listener.close() }
}

private final class RequestLog: Sendable {
    let requests = Mutex<[FakeS3.Request]>([])
}

private final class FakeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let script: @Sendable (FakeS3.Request) -> FakeS3.Reply
    private let log: RequestLog
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(script: @escaping @Sendable (FakeS3.Request) -> FakeS3.Reply, log: RequestLog) {
        self.script = script
        self.log = log
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var bytes): body.writeBuffer(&bytes)
        case .end:
            guard let head else { return }
            let request = FakeS3.Request(
                method: head.method.rawValue, target: head.uri, headers: head.headers, body: body)
            log.requests.withLock { $0.append(request) }
            reply(script(request), context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func reply(_ reply: FakeS3.Reply, _ context: ChannelHandlerContext) {
        switch reply {
        case .drop: context.close(promise: nil)
        case .answer(let status, let headers, let text):
            send(status, headers + [("content-length", String(text.utf8.count))], ByteBuffer(string: text), context)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .head(let status, let headers):
            send(status, headers, ByteBuffer(), context)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        case .cutOff(let status, let announced, let text, let headers):
            send(status, headers + [("content-length", String(announced))], ByteBuffer(string: text), context)
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer())))).whenComplete { _ in
                bound.value.close(promise: nil)
            }
        case .after(let signal, let reply):
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            signal.hop(to: context.eventLoop).whenSuccess { bound.value.0.reply(reply, bound.value.1) }
        case .flood(let count):
            send(200, [("transfer-encoding", "chunked")], ByteBuffer(repeating: 120, count: count), context)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }

    private func send(
        _ status: Int, _ headers: [(String, String)], _ body: ByteBuffer, _ context: ChannelHandlerContext
    ) {
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: HTTPHeaders(headers))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if body.readableBytes > 0 { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
    }
}

extension FakeS3.Reply {
    static let started = FakeS3.Reply.answer(
        200, [], "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>")
}

extension FakeS3 {
    /// A service that takes everything and keeps nothing.
    static func plain(_ request: Request) -> Reply {
        if request.method == "POST", request.has("uploads") { return .started }
        if request.method == "POST" {
            return .answer(200, [], "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")
        }
        if let number = request.partNumber { return .answer(200, [("etag", "\"part-\(number)\"")]) }
        switch request.method {
        case "HEAD": return .head(404, [])
        case "GET" where request.has("uploads"): return .answer(200, [], "<ListMultipartUploadsResult/>")
        case "GET": return .answer(200, [], "<ListBucketResult/>")
        default: return .answer(200, [("etag", "\"whole\"")])
        }
    }
}

/// Runs `body` with a store in a service of this script; waits between tries are short.
func withFake(
    _ script: @escaping @Sendable (FakeS3.Request) -> FakeS3.Reply,
    _ change: (inout S3Configuration) -> Void = { _ in },
    _ body: (S3Storage, FakeS3) async throws -> Void
) async throws {
    let service = try await FakeS3(script)
    var configuration = S3Configuration(
        endpoint: service.endpoint, bucket: "images",
        credentials: .fixed(S3Credentials(accessKeyID: "AKID", secretAccessKey: "hush", sessionToken: "shh")))
    configuration.usesPathStyle = true
    configuration.retry = RetryPolicy(base: .milliseconds(2), cap: .milliseconds(4))
    change(&configuration)
    do { try await withS3(configuration) { try await body($0, service) } } catch {
        try await service.stop()
        throw error
    }
    try await service.stop()
}
