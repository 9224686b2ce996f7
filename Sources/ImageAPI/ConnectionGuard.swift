import HTTPTypes
import ImportModel
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// What of a request's body could be read was not well formed.
struct BrokenBody: Error {}

/// Decides how long a connection lives: to the end of what has begun when the service stops, no longer than an answer
/// that came before the end of its request, and as long as it takes that the client can read what it was told last.
///
/// A client that sends on after its answer is listened to for a while: closing at once would reset the connection,
/// and the client would lose the answer.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: ConnectionLimits
    private let patience: PatienceHandler
    private let connections: OpenConnections
    private let refuse: UnreadRequests

    /// Requests whose answers are not complete.
    private var open = 0
    /// Whether the end of the last of them is still to come.
    private var isReading = false
    private var isStopping = false
    /// Another protocol was asked for.
    private var isChanging = false
    /// The answer that is being written is the connection's last.
    private var isLast = false
    /// Nothing is read or written any more but for the client's sake.
    private var isLingering = false
    private var lingered = 0
    private var lingerEnd: Scheduled<Void>?
    private var isOutputClosed = false
    /// Why no further request can be read.
    private var broken: (any Error)?
    /// Ends of answers that the system has not taken yet, and who waits for that.
    private var unflushed = 0
    private var closing: (() -> Void)?

    init(
        limits: ConnectionLimits, patience: PatienceHandler, connections: OpenConnections, refuse: UnreadRequests
    ) {
        self.limits = limits
        self.patience = patience
        self.connections = connections
        self.refuse = refuse
    }

    func handlerRemoved(context: ChannelHandlerContext) { lingerEnd?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        lingerEnd?.cancel()
        context.fireChannelInactive()
    }

    // MARK: What comes in

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !isLingering else { return pass(over: part, context) }
        guard broken == nil else { return }
        switch part {
        case .head(let head):
            open += 1
            isReading = true
            // Behind these no HTTP is looked for, and the service knows nothing else.
            isChanging = head.method == .connect || head.headerFields[.upgrade] != nil
            patience.requestBegan()
            // Accepted while the service was told to stop, too early to be told itself.
            if connections.isStopping { isStopping = true }
        case .body: break
        case .end:
            isReading = false
            patience.requestEnded()
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // Whoever read from this connection does not any more.
        if isLingering { context.read() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isLingering else { return }
        guard error is HTTPParserError || error is HTTP1TypeConversionError else {
            return context.fireErrorCaught(error)
        }
        if isReading {
            context.fireErrorCaught(BrokenBody())
        } else {
            broken = error
            if open == 0 { refuse(error, context) }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            isStopping = true
            if open == 0, !isLingering, !patience.isHeadComing { context.close(promise: nil) }
        case is OpenConnections.Cut: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: What goes out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isLingering else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.kind != .informational:
            // Further requests that have come already are answered first.
            isLast = open == 1 && (isReading || isStopping || isChanging)
            if isLast { head.headerFields[.connection] = "close" }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end: writeEnd(data, context, promise)
        default: context.write(data, promise: promise)
        }
    }

    private func writeEnd(_ data: NIOAny, _ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let promise = promise ?? context.eventLoop.makePromise()
        unflushed += 1
        promise.futureResult.assumeIsolated().whenComplete { _ in self.flushed() }
        context.write(data, promise: promise)
        open -= 1
        patience.answerEnded()
        guard open == 0 || isLast else { return }
        if isLast || isStopping {
            context.flush()
            linger(context)
        } else if let broken {
            refuse(broken, context)
        }
    }

    /// Answers what is no request, and nothing more.
    private func refuse(_ error: any Error, _ context: ChannelHandlerContext) {
        let answer = refuse.answer(to: error, from: context.channel.remoteAddress)
        context.write(wrapOutboundOut(.head(answer.head)), promise: nil)
        context.write(wrapOutboundOut(.body(answer.body)), promise: nil)
        open += 1
        isLast = true
        patience.requestBegan()
        patience.requestEnded()
        writeEnd(wrapOutboundOut(.end(nil)), context, nil)
    }

    // MARK: The end

    /// Whoever serves the connection finds it at its end, and closes it.
    private func linger(_ context: ChannelHandlerContext) {
        isLingering = true
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        context.read()
    }

    private func pass(over part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        guard case .body(let bytes) = part else { return }
        lingered += bytes.readableBytes
        if lingered > limits.lingerBytes { context.close(promise: nil) }
    }

    /// Closing waits for what has been written; the client's side is closed by the client, if it does so in time.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode != .input, mode == .output || isLingering else { return context.close(mode: mode, promise: promise) }
        if mode == .all { context.channel.closeFuture.cascade(to: promise) }
        guard !isOutputClosed else {
            if mode == .output { promise?.succeed() }
            return
        }
        isOutputClosed = true
        let outputPromise = mode == .output ? promise : nil
        if unflushed == 0 {
            closeOutput(context, outputPromise)
        } else {
            closing = { self.closeOutput(context, outputPromise) }
        }
    }

    private func flushed() {
        unflushed -= 1
        guard unflushed == 0 else { return }
        closing?()
        closing = nil
    }

    private func closeOutput(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        isLingering = true
        context.close(mode: .output, promise: promise)
        guard context.channel.isActive else { return }
        context.read()
        lingerEnd = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(limits.linger.wholeMilliseconds))
        {
            context.close(promise: nil)
        }
    }
}
