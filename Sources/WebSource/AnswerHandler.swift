import NIOCore
import NIOHTTP1

/// What took longer than a limit.
enum SourceTimeout: Error { case headers, idle, total }

/// Bytes after the end of an answer: what it said of its length was wrong.
struct SourceExcess: Error {}

/// Hands on the head of an answer as a promise and its body as bytes; closes when the answer is complete, unless the
/// connection is kept for further ones, and when it takes too long.
///
/// A body is waited for only while somebody asks for more: a consumer that pauses holds back the reads, and the clock.
/// Behind a complete answer must come the end of the connection, which was asked for, or nothing: an image whose
/// length was given too short is no whole image.
final class AnswerHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = HTTPClientRequestPart

    private var promise: EventLoopPromise<HTTPResponseHead>?
    private let limits: SourceLimits
    private let deadline: ContinuousClock.Instant
    /// For further requests.
    private let isKept: Bool
    private var context: ChannelHandlerContext?
    /// Why there will be no further answer.
    private var failure: (any Error)?
    private var total: Scheduled<Void>?
    /// For the head, then for each piece of the body.
    private var patience: Scheduled<Void>?
    private var isComplete = false
    /// How long the end of the connection is waited for when the answer is complete. What was sent with the answer is
    /// there by then; servers that keep connections open are not worth more.
    private static let lingering: TimeAmount = .milliseconds(100)

    init(
        _ promise: EventLoopPromise<HTTPResponseHead>, limits: SourceLimits, until deadline: ContinuousClock.Instant,
        isKept: Bool = false
    ) {
        self.promise = promise
        self.isKept = isKept
        self.limits = limits
        self.deadline = deadline
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    /// What the next request that is sent will be answered with.
    func expect(_ promise: EventLoopPromise<HTTPResponseHead>) {
        guard failure == nil, isComplete, let context else { return promise.fail(failure ?? ChannelError.eof) }
        self.promise = promise
        isComplete = false
        patience = end(with: .headers, in: limits.headers, context: context)
    }

    func channelActive(context: ChannelHandlerContext) {
        patience = end(with: .headers, in: limits.headers, context: context)
        total = end(with: .total, in: ContinuousClock.now.duration(to: deadline), context: context)
        context.fireChannelActive()
    }

    func read(context: ChannelHandlerContext) {
        if promise == nil && patience == nil && !(isComplete && isKept) {
            patience =
                isComplete
                ? context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingering) { context.close(promise: nil) }
                : end(with: .idle, in: limits.idle, context: context)
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        patience?.cancel()
        patience = nil
        switch unwrapInboundIn(data) {
        case .head(let head):
            promise?.succeed(head)
            promise = nil
        case .body(let bytes): context.fireChannelRead(wrapInboundOut(bytes))
        case .end: isComplete = true
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isComplete {
            // Only what was to be parsed is more of the answer; however the connection ends, all has arrived.
            if error is HTTPParserError || error is NIOHTTPDecoderError { context.fireErrorCaught(SourceExcess()) }
        } else {
            finish(error)
            context.fireErrorCaught(error)
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(ChannelError.eof)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(ChannelError.eof)
        self.context = nil
    }

    private func end(
        with timeout: SourceTimeout, in time: Duration, context: ChannelHandlerContext
    ) -> Scheduled<Void> {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: TimeAmount(max(time, .zero))) {
            bound.value.0.errorCaught(context: bound.value.1, error: timeout)
        }
    }

    private func finish(_ error: any Error) {
        patience?.cancel()
        total?.cancel()
        failure = failure ?? error
        promise?.fail(error)
        promise = nil
    }
}
