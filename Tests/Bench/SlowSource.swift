import NIOCore
import NIOHTTP1
import NIOPosix

/// A source on loopback whose every connection is limited to a rate, and which gives parts of one version: what many
/// mirrors are.
final class SlowSource: Sendable {
    let bytes: Int
    let port: Int
    private let listener: any Channel

    /// - Parameter rate: of each connection, in bytes per second; `nil`: as fast as it goes.
    init(bytes: Int, rate: Int?) async throws {
        self.bytes = bytes
        listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(PartHandler(bytes: bytes, rate: rate))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = listener.localAddress?.port else { throw BenchError("no free port") }
        self.port = port
    }

    func stop() async throws { try await listener.close() }
}

/// Answers with the part that is asked for; which bytes it has makes no difference to anybody.
private final class PartHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let block = ByteBuffer(bytes: (0..<64 << 10).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ $0 >> 7) })

    private let bytes: Int
    private let rate: Int?

    init(bytes: Int, rate: Int?) {
        self.bytes = bytes
        self.rate = rate
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let request) = unwrapInboundIn(data) else { return }
        let range = range(request)
        var head = HTTPResponseHead(version: .http1_1, status: range == nil ? .ok : .partialContent)
        let part = range ?? 0..<bytes
        head.headers.add(name: "Content-Length", value: String(part.count))
        head.headers.add(name: "Accept-Ranges", value: "bytes")
        head.headers.add(name: "ETag", value: "\"1\"")
        if range != nil {
            head.headers.add(name: "Content-Range", value: "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(bytes)")
        }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        send(part.count, sent: 0, since: .now(), isLast: !request.isKeepAlive, context: context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func range(_ request: HTTPRequestHead) -> Range<Int>? {
        guard let text = request.headers.first(name: "range") else { return nil }
        let ends = text.split { !$0.isNumber }.compactMap { Int($0) }
        guard let first = ends.first, first < bytes else { return nil }
        return first..<(ends.count > 1 ? min(ends[1] + 1, bytes) : bytes)
    }

    private func send(
        _ count: Int, sent: Int, since start: NIODeadline, isLast: Bool, context: ChannelHandlerContext
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        guard sent < count, let piece = Self.block.getSlice(at: 0, length: min(Self.block.readableBytes, count - sent))
        else {
            context.writeAndFlush(wrapOutboundOut(.end(nil))).whenSuccess {
                if isLast { bound.value.1.close(promise: nil) }
            }
            return
        }
        let sent = sent + piece.readableBytes
        let due = start + .nanoseconds(rate.map { Int64(Double(sent) / Double($0) * 1e9) } ?? 0)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(piece)))).whenSuccess {
            bound.value.1.eventLoop.assumeIsolated().scheduleTask(deadline: due) {
                let (handler, context) = bound.value
                handler.send(count, sent: sent, since: start, isLast: isLast, context: context)
            }
        }
    }
}
