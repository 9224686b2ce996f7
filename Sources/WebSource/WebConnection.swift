import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// One connection, for one request or for several one after the other: to the address that was vetted, with TLS and
/// `Host` by the name that was asked for. Stays open until it is closed.
struct WebConnection: Sendable {
    let inbound: NIOAsyncChannelInboundStream<ByteBuffer>
    let outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    let channel: any Channel
    /// The head, and the server's certificate under TLS. Fails with what ended the connection if no answer came.
    let answer: EventLoopFuture<(head: HTTPResponseHead, certificate: NIOSSLCertificate?)>
    /// Address and port.
    let peer: String
    private let handler: NIOLoopBound<AnswerHandler>
    private let holding: Task<Void, Never>
    private let held: AsyncStream<Never>.Continuation

    /// Bodies wait in pieces of at most 256 KiB. A piece costs the same whatever its size, so that a fast source shall
    /// come in large ones.
    fileprivate static let buffered = NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
        lowWatermark: 1, highWatermark: 3)
    private static let pieces = AdaptiveRecvByteBufferAllocator(minimum: 1 << 10, initial: 1 << 14, maximum: 1 << 18)

    static func open(
        _ url: SourceURL, at address: IPAddress, tls: NIOSSLContext, limits: SourceLimits,
        until deadline: ContinuousClock.Instant, isKept: Bool, group: any EventLoopGroup
    ) async throws -> WebConnection {
        let channel = CancellableChannel()
        return try await withTaskCancellationHandler {
            let parts = try await ClientBootstrap(group: group)
                .connectTimeout(TimeAmount(limits.connect))
                .channelOption(.recvAllocator, value: pieces)
                .connect(to: try address.socketAddress(port: url.port)) { opened in
                    opened.eventLoop.makeCompletedFuture {
                        channel.adopt(opened)
                        return try Parts(opened, url: url, tls: tls, limits: limits, until: deadline, isKept: isKept)
                    }
                }
            return await WebConnection(parts, peer: Self.shown(address.canonical, url.port))
        } onCancel: {
            channel.close()
        }
    }

    /// The body is read by whoever wants it, wherever that runs, and at times goes on with another connection: so the
    /// scope within which the connection is open is a task of its own.
    private init(_ parts: Parts, peer: String) async {
        let (holds, held) = AsyncStream.makeStream(of: Never.self)
        var holding: Task<Void, Never>?
        (inbound, outbound) = await withCheckedContinuation { opened in
            holding = Task {
                // However the connection ends, whoever reads or writes has been told.
                try? await parts.channel.executeThenClose { inbound, outbound in
                    opened.resume(returning: (inbound, outbound))
                    for await _ in holds {}
                }
            }
        }
        self.holding = holding ?? Task {}
        self.held = held
        channel = parts.channel.channel
        answer = parts.answer
        handler = parts.handler
        self.peer = peer
    }

    private static func shown(_ address: IPAddress, _ port: Int) -> String {
        address.bytes.count == 4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }

    /// Sends a further request when the answer to the last one has been read.
    func ask(_ head: HTTPRequestHead) async throws -> HTTPResponseHead {
        let promise = channel.eventLoop.makePromise(of: HTTPResponseHead.self)
        channel.eventLoop.execute { handler.value.expect(promise) }
        // Where writing fails, the reason is what the answer fails with.
        try? await outbound.write(contentsOf: [.head(head), .end(nil)])
        return try await promise.futureResult.get()
    }

    /// Ends the connection; waits until it has ended.
    func close() async {
        held.finish()
        await holding.value
    }
}

/// A channel that is being set up.
private struct Parts: Sendable {
    let channel: NIOAsyncChannel<ByteBuffer, HTTPClientRequestPart>
    let answer: EventLoopFuture<(head: HTTPResponseHead, certificate: NIOSSLCertificate?)>
    let handler: NIOLoopBound<AnswerHandler>

    init(
        _ channel: any Channel, url: SourceURL, tls: NIOSSLContext, limits: SourceLimits,
        until deadline: ContinuousClock.Instant, isKept: Bool
    ) throws {
        let isSecure = url.scheme == "https"
        let pipeline = channel.pipeline.syncOperations
        if isSecure {
            try pipeline.addHandler(Self.secure(url.hostName, with: tls))
        }
        try pipeline.addHTTPClientHandlers()
        let promise = channel.eventLoop.makePromise(of: HTTPResponseHead.self)
        handler = NIOLoopBound(
            AnswerHandler(promise, limits: limits, until: deadline, isKept: isKept), eventLoop: channel.eventLoop)
        try pipeline.addHandler(handler.value)
        // Asked for as soon as there is an answer: a connection that has ended shows no certificate any more.
        answer = promise.futureResult.flatMapThrowing { head in
            (head, isSecure ? try channel.pipeline.syncOperations.nioSSL_peerCertificate() : nil)
        }
        self.channel = try NIOAsyncChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(backPressureStrategy: WebConnection.buffered))
    }

    /// Addresses are no server names; the certificate must then be for the address.
    private static func secure(_ name: String?, with tls: NIOSSLContext) throws -> NIOSSLClientHandler {
        guard let name else { return try NIOSSLClientHandler(context: tls, serverHostname: nil) }
        // The one way to look at a certificate besides the usual checks, and before a request is sent.
        return try NIOSSLClientHandler._makeSSLClientHandler(context: tls, serverHostname: name) {
            certificate, channel in
            channel.eventLoop.makeCompletedFuture { try CertificateName.require(name, of: certificate) }
        }
    }
}

/// Closes a channel that may not exist yet.
private final class CancellableChannel: Sendable {
    private let state = Mutex<(channel: (any Channel)?, isClosed: Bool)>((nil, false))

    func adopt(_ channel: any Channel) {
        let isClosed = state.withLock { state in
            state.channel = channel
            return state.isClosed
        }
        if isClosed { channel.close(promise: nil) }
    }

    func close() {
        let channel = state.withLock { state in
            state.isClosed = true
            return state.channel
        }
        channel?.close(promise: nil)
    }
}
