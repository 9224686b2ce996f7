import Logging
import NIOCore

/// Closes the connection of a client that keeps the service waiting. It stands next to the socket, so that what is
/// slow is seen below TLS and HTTP.
final class PatienceHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private var patience: ClientPatience
    private let logger: Logger
    private var written: Int64 = 0
    private var next: Scheduled<Void>?

    init(_ limits: ConnectionLimits, logger: Logger) {
        patience = ClientPatience(limits, now: .now())
        self.logger = logger
    }

    /// Whether a request has begun to arrive whose head is not complete.
    var isHeadComing: Bool { patience.hasBegun }

    func requestBegan() { patience.requestBegan() }
    func requestEnded() { patience.requestEnded() }
    func answerEnded() { patience.answerEnded(.now()) }

    func handlerAdded(context: ChannelHandlerContext) { lookLater(context) }
    func handlerRemoved(context: ChannelHandlerContext) { next?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        next?.cancel()
        context.fireChannelInactive()
    }

    func read(context: ChannelHandlerContext) {
        patience.readBegan(.now())
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        patience.bytesCame(unwrapInboundIn(data).readableBytes, .now())
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        written += Int64(unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }

    private func lookLater(_ context: ChannelHandlerContext) {
        next = context.eventLoop.assumeIsolated().scheduleTask(in: patience.interval) { self.look(context) }
    }

    private func look(_ context: ChannelHandlerContext) {
        // What cannot be asked is not waiting.
        let waiting = (try? context.channel.syncOptions?.getOption(ChannelOptions.bufferedWritableBytes)) ?? 0
        let fault = patience.look(taken: written - Int64(waiting), isMoreWaiting: waiting > 0, .now())
        guard let fault else { return lookLater(context) }
        logger.log(
            level: fault == .idle ? .debug : .info, "a connection was closed: \(fault.rawValue)",
            metadata: ["peer": "\(context.channel.remoteAddress?.ipAddress ?? "-")"])
        context.close(promise: nil)
    }
}
