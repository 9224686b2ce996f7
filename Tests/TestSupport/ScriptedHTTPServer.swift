import Glibc
import NIOCore
import NIOPosix
package import NIOSSL
import Synchronization

/// A server on loopback that answers each connection's request with what a script says, byte by byte.
package final class ScriptedHTTPServer: Sendable {
    package struct Request: Sendable {
        package let method: String
        package let target: String
        /// By lower-case names.
        package let headers: [String: String]
    }

    package enum Step: Sendable {
        /// Sends these bytes.
        case send(String)
        case sendBytes([UInt8])
        /// Sends so many zero bytes, no faster than they are taken.
        case stream(bytes: Int64)
        /// Waits before the next step.
        case pause(Duration)
        /// Does this, such as counting.
        case note(@Sendable () -> Void)
        /// Stops answering; the connection stays open.
        case hang
        /// Ends the connection at once; under TLS without a word that it was the end.
        case cut
        /// Waits for the next request on the same connection.
        case again
        /// Ends the connection with a reset instead of in order.
        case reset
    }

    package typealias Script = @Sendable (Request) -> [Step]

    package let port: Int
    private let listener: any Channel
    private let state: ServerState

    package var requests: [Request] { state.inner.withLock(\.requests) }
    /// Bytes that the kernel took of a `stream`.
    package var streamedBytes: Int64 { state.inner.withLock(\.streamed) }
    package var openConnections: Int { state.inner.withLock(\.open.count) }

    /// Listens on a free port of 127.0.0.1, with TLS if a context is given.
    package init(tls: NIOSSLContext? = nil, _ script: @escaping Script) async throws {
        let state = ServerState()
        self.state = state
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 1, high: 1))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.addHandler(ScriptHandler(script: script, state: state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = listener.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        self.port = port
    }

    package func url(_ target: String = "/", host: String = "127.0.0.1", scheme: String = "http") -> String {
        "\(scheme)://\(host):\(port)\(target)"
    }

    /// Stops listening and ends every connection.
    package func stop() async throws {
        let open = state.inner.withLock { Array($0.open.values) }
        for channel in open { channel.close(promise: nil) }
        try await listener.close()
    }

    /// A whole answer with its length.
    package static func answer(_ status: String = "200 OK", headers: [String] = [], body: String = "") -> [Step] {
        let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
        return [.send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)]
    }
}

private final class ServerState: Sendable {
    struct Inner {
        var requests: [ScriptedHTTPServer.Request] = []
        var streamed: Int64 = 0
        var open: [ObjectIdentifier: any Channel] = [:]
    }
    let inner = Mutex(Inner())
}

/// Reads a request, plays its script, closes.
private final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let script: ScriptedHTTPServer.Script
    private let state: ServerState
    private var text = ""
    private var steps: [ScriptedHTTPServer.Step]?
    private var toStream: Int64 = 0

    init(script: @escaping ScriptedHTTPServer.Script, state: ServerState) {
        self.script = script
        self.state = state
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        state.inner.withLock { $0.open[ObjectIdentifier(channel)] = channel }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let id = ObjectIdentifier(context.channel)
        state.inner.withLock { _ = $0.open.removeValue(forKey: id) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        text += String(buffer: unwrapInboundIn(data))
        if steps == nil, text.first?.isLetter == false {
            // Another protocol, such as TLS where none is spoken: answered as servers do.
            steps = ScriptedHTTPServer.answer("400 Bad Request")
            return play(context: context)
        }
        guard steps == nil, let request = Self.parse(text) else { return }
        state.inner.withLock { $0.requests.append(request) }
        steps = script(request)
        play(context: context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func play(context: ChannelHandlerContext) {
        guard let step = steps?.first else {
            context.close(promise: nil)
            return
        }
        steps?.removeFirst()
        switch step {
        case .send(let text): send(ByteBuffer(string: text), context: context)
        case .sendBytes(let bytes): send(ByteBuffer(bytes: bytes), context: context)
        case .stream(let bytes):
            toStream = bytes
            stream(context: context)
        case .pause(let time):
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: TimeAmount(time)) { bound.value.0.play(context: bound.value.1) }
        case .note(let body):
            body()
            play(context: context)
        case .hang: break
        case .again: (steps, text) = (nil, "")
        case .cut:
            // From below TLS, which would say goodbye.
            guard let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self) else {
                return context.close(promise: nil)
            }
            tls.close(promise: nil)
        case .reset:
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete {
                _ in bound.value.close(promise: nil)
            }
        }
    }

    private func send(_ bytes: ByteBuffer, context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(bytes)).whenSuccess { bound.value.0.play(context: bound.value.1) }
    }

    private func stream(context: ChannelHandlerContext) {
        let count = min(toStream, 64 * 1024)
        guard count > 0 else { return play(context: context) }
        toStream -= count
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(repeating: 0, count: Int(count)))).whenSuccess {
            let (handler, context) = bound.value
            handler.state.inner.withLock { $0.streamed += count }
            handler.stream(context: context)
        }
    }

    private static func parse(_ text: String) -> ScriptedHTTPServer.Request? {
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        guard let end = lines.firstIndex(of: ""), end < lines.count - 1 || text.hasSuffix("\r\n\r\n") else {
            return nil
        }
        let first = lines[0].split(separator: " ")
        guard first.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines[1..<end] {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[colon...].dropFirst().drop { $0 == " " }.description
        }
        return .init(method: String(first[0]), target: String(first[1]), headers: headers)
    }
}
