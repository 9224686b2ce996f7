import AsyncHTTPClient
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix
import Synchronization

/// A proxy in front of an S3 service that now and then does to a call what services and networks do.
package final class S3FaultProxy: Sendable {
    enum Fault: String, CaseIterable, Sendable {
        /// An answer of the proxy instead of the service's.
        case internalError, slowDown, conflict, preconditionFailed
        /// `200` with an error in the body, as a completion that failed late is answered.
        case errorInside
        /// The connection ends before the call gets anywhere.
        case dropped
        /// The service carries out the call, and the connection ends before the answer.
        case replyLost
        /// Half of the answer's body, then the end.
        case truncated
        /// The service carries out the call and is said to have taken other bytes.
        case wrongTag
        case slow
        /// Nothing comes for so long that others have gone on.
        case silent

        fileprivate func mayHappen(to method: HTTPMethod) -> Bool {
            switch self {
            // Only an answer to bytes that were sent has a tag that anybody reads.
            case .wrongTag: method == .PUT
            // A deletion is answered without a body.
            case .errorInside: method != .DELETE
            default: true
            }
        }
    }

    /// As clients name it.
    package let endpoint: String
    private let service: String
    private let listener: any Channel
    private let state: Shared

    /// How long a silent call keeps its client waiting.
    static let silence: TimeAmount = .seconds(4)

    fileprivate final class Shared: Sendable {
        struct Plan {
            var random: SeededRandom
            var percent = 0
            var isDown = false
            /// How many faults may still be done.
            var left = 0
            var done: [Fault: Int] = [:]
            var log: [String] = []
        }
        let plan: Mutex<Plan>
        init(_ random: SeededRandom) { plan = Mutex(Plan(random: random)) }

        func note(_ what: String) { plan.withLock { $0.log.append(what) } }

        func fault(of call: HTTPRequestHead) -> Fault? {
            plan.withLock { plan in
                if plan.isDown { return .dropped }
                let isWrite = call.method != .GET && call.method != .HEAD
                // The moment that decides gets a fault more often than the others.
                let decides = call.method == .PUT && !call.uri.contains("partNumber") || call.uri.contains("?uploadId")
                guard plan.left > 0, plan.random.happens(min(decides ? plan.percent * 2 : plan.percent, 100)) else {
                    return nil
                }
                let all: [Fault] =
                    isWrite
                    ? Fault.allCases + (decides ? [.replyLost, .replyLost, .replyLost] : [])
                    : [.internalError, .slowDown, .dropped, .replyLost, .truncated, .slow, .silent]
                let fault = plan.random.pick(all.filter { $0.mayHappen(to: call.method) })
                plan.left -= 1
                plan.done[fault, default: 0] += 1
                return fault
            }
        }
    }

    package init(to service: String, random: SeededRandom) async throws {
        let state = Shared(random)
        (self.state, self.service) = (state, service)
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ProxyHandler(service: service, state: state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        endpoint = "http://127.0.0.1:\(listener.localAddress?.port ?? 0)"
    }

    package func stop() async throws { try await listener.close() }

    /// Whether every connection ends without an answer.
    package var isDown: Bool {
        get { state.plan.withLock(\.isDown) }
        set { state.plan.withLock { $0.isDown = newValue } }
    }

    /// From now on so many calls of a hundred get a fault, until so many have got one.
    func disturb(_ percent: Int, atMost count: Int) {
        state.plan.withLock { ($0.percent, $0.left) = (percent, count) }
    }

    /// What came and went under a key, in order, for people.
    func calls(of key: String) -> String {
        state.plan.withLock { $0.log.filter { $0.contains(key) }.joined(separator: "; ") }
    }

    /// What was done so far.
    var done: [Fault: Int] { state.plan.withLock { $0.done } }
}

/// Takes whole calls and sees each of them through.
private final class ProxyHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let service: String
    private let state: S3FaultProxy.Shared
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(service: String, state: S3FaultProxy.Shared) {
        self.service = service
        self.state = state
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (self.head, body) = (head, ByteBuffer())
        case .body(var bytes): body.writeBuffer(&bytes)
        case .end:
            guard let head else { return }
            let fault = state.fault(of: head)
            state.note("\(head.method) \(head.uri)\(fault.map { " \($0)" } ?? "")")
            serve(head, body, fault, context)
        }
    }

    private func serve(
        _ head: HTTPRequestHead, _ body: ByteBuffer, _ fault: S3FaultProxy.Fault?, _ context: ChannelHandlerContext
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        switch fault {
        case .internalError: refuse(.internalServerError, "InternalError", head, context)
        case .slowDown: refuse(.serviceUnavailable, "SlowDown", head, context)
        case .conflict: refuse(.conflict, "OperationAborted", head, context)
        case .preconditionFailed: refuse(.preconditionFailed, "PreconditionFailed", head, context)
        case .errorInside: refuse(.ok, "InternalError", head, context)
        case .dropped: context.close(promise: nil)
        case .silent: context.eventLoop.scheduleTask(in: S3FaultProxy.silence) { bound.value.1.close(promise: nil) }
        case .slow:
            context.eventLoop.scheduleTask(in: .milliseconds(400)) {
                bound.value.0.serve(head, body, nil, bound.value.1)
            }
        case .replyLost, .truncated, .wrongTag, nil:
            let (promise, service) = (context.eventLoop.makePromise(of: Answer.self), service)
            promise.completeWithTask { try await Answer(to: head, body, of: service) }
            promise.futureResult.whenComplete { result in
                let (handler, context) = bound.value
                handler.state.note("\((try? result.get())?.head.status.code ?? 0) to \(head.method) \(head.uri)")
                guard case .success(let answer) = result, fault != .replyLost else {
                    return context.close(promise: nil)
                }
                handler.pass(answer, fault, context)
            }
        }
    }

    private func refuse(
        _ status: HTTPResponseStatus, _ code: String, _ request: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        let text = "<Error><Code>\(code)</Code><Message>The proxy says so</Message></Error>"
        let isBare = request.method == .HEAD
        pass(
            Answer(
                head: .init(
                    version: .http1_1, status: status, headers: ["content-length": String(isBare ? 0 : text.utf8.count)]
                ),
                body: isBare ? ByteBuffer() : ByteBuffer(string: text)), nil, context)
    }

    private func pass(_ answer: Answer, _ fault: S3FaultProxy.Fault?, _ context: ChannelHandlerContext) {
        var (head, body) = (answer.head, answer.body)
        if fault == .wrongTag { head.headers.replaceOrAdd(name: "ETag", value: "\"00000000000000000000000000000000\"") }
        // Without a body there is nothing to cut but the answer itself.
        let isCut = fault == .truncated
        if isCut, body.readableBytes < 2 { return context.close(promise: nil) }
        if isCut { body = body.getSlice(at: body.readerIndex, length: body.readableBytes / 2) ?? ByteBuffer() }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(body)))).whenComplete { _ in
            if isCut { bound.value.close(promise: nil) }
        }
        if !isCut { context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil) }
    }
}

/// A whole answer of the service.
private struct Answer: Sendable {
    var head: HTTPResponseHead
    let body: ByteBuffer

    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    init(head: HTTPResponseHead, body: ByteBuffer) { (self.head, self.body) = (head, body) }

    /// Sends the call on as it is, `Host` included, which is signed.
    init(to call: HTTPRequestHead, _ body: ByteBuffer, of service: String) async throws {
        var request = HTTPClientRequest(url: service + call.uri)
        request.method = call.method
        request.headers = call.headers
        for name in ["connection", "content-length", "transfer-encoding"] { request.headers.remove(name: name) }
        if call.method != .GET, call.method != .HEAD { request.body = .bytes(body) }
        let response = try await Self.client.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 64 << 20)
        head = HTTPResponseHead(version: .http1_1, status: response.status, headers: response.headers)
        for name in ["connection", "transfer-encoding"] { head.headers.remove(name: name) }
        // To `HEAD` the length is that of a body that does not come.
        if call.method != .HEAD {
            head.headers.replaceOrAdd(name: "content-length", value: String(bytes.readableBytes))
        }
        self.body = bytes
    }
}
