import NIOCore
import NIOPosix
package import RedisClient

/// Stands in front of a Redis and does to whole commands what networks and servers do: see `WireFault`.
///
/// It understands requests and replies enough to tell scripts by name and to keep each reply with its request, in
/// pipelines and behind blocking commands. A connection that subscribes or monitors is passed on without faults.
package final class FaultProxy: Sendable {
    /// Where clients reach it.
    package let endpoint: RedisConfiguration.Endpoint
    private let listener: any Channel
    private let state: ProxyState

    /// Listens on a unix socket at `path`; without one on a free port of loopback.
    ///
    /// - Parameter isOtherEdition: whether scripts reach Redis a line longer than they are, and so with other digests,
    ///   as those of another version would.
    package static func start(
        at path: String? = nil, upstream: RedisConfiguration.Endpoint, seed: UInt64 = 1,
        isOtherEdition: Bool = false
    ) async throws -> FaultProxy {
        let state = ProxyState(seed: seed, upstream: upstream, isOtherEdition: isOtherEdition)
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { client in
                client.eventLoop.makeCompletedFuture {
                    let link = Link(client: client, proxy: state)
                    try client.pipeline.syncOperations.addHandler(
                        Ear(hear: { link.receive(request: $0) }, closed: { link.clientClosed() }))
                    guard state.add(link, on: client.eventLoop) else { return link.end() }
                    Self.connect(link, on: client.eventLoop, to: state.upstream)
                }
            }
        guard let path else {
            let listener = try await bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: "127.0.0.1", port: 0).get()
            return FaultProxy(.tcp(host: "127.0.0.1", port: listener.localAddress?.port ?? 0), listener, state)
        }
        let listener = try await bootstrap.bind(unixDomainSocketPath: path).get()
        return FaultProxy(.unixSocket(path: path), listener, state)
    }

    private init(_ endpoint: RedisConfiguration.Endpoint, _ listener: any Channel, _ state: ProxyState) {
        self.endpoint = endpoint
        self.listener = listener
        self.state = state
    }

    private static func connect(
        _ link: Link, on eventLoop: any EventLoop, to upstream: RedisConfiguration.Endpoint
    ) {
        let bound = NIOLoopBound(link, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop).channelInitializer { server in
            server.eventLoop.makeCompletedFuture {
                let link = bound.value
                try server.pipeline.syncOperations.addHandler(
                    Ear(hear: { link.receive(reply: $0) }, closed: { link.serverClosed() }))
            }
        }
        let server =
            switch upstream {
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            }
        server.whenComplete { result in
            switch result {
            case .success(let server): bound.value.connected(to: server)
            // As for a server that takes the connection and closes it.
            case .failure: bound.value.serverClosed()
            }
        }
    }

    /// Closes everything. To be called once.
    package func stop() async throws {
        try await listener.close()
        try await state.stop()
    }

    /// As `--redis-url` takes it.
    package var url: String {
        switch endpoint {
        case .unixSocket(let path): "unix://\(path)"
        case .tcp(let host, let port): "redis://\(host):\(port)"
        }
    }

    /// What goes wrong from now on; nothing by default. The first rule that strikes is taken.
    package func use(_ rules: [FaultRule]) { state.use(rules) }

    /// What went wrong so far.
    package var tally: FaultTally { state.tally }

    /// Connections of clients that are open now.
    package var connections: Int { state.connections }

    /// How many requests for this script or command have come so far, passed on or not.
    package func requests(of command: String) -> Int { state.requests(of: command) }

    /// How many replies of Redis to this script or command have come so far, delivered or not.
    package func answers(to command: String) -> Int { state.answers(to: command) }

    /// Cuts Redis off without a sign: connections stay and can be made, and nothing passes either way. Returns once
    /// that is so.
    package func isolate() async throws { try await state.set(.init(requests: false, replies: false)) }

    /// Lets requests pass and keeps every reply. Returns once that is so.
    package func holdReplies() async throws { try await state.set(.init(requests: true, replies: false)) }

    /// Lets everything pass again, also what has waited, and what was sent by clients that have given up since.
    package func heal() async throws { try await state.set(.init()) }

    /// Ends all connections.
    package func cutAll() async throws { try await state.cutAll() }

    /// Ends all connections and leads new ones to another Redis.
    package func point(at upstream: RedisConfiguration.Endpoint) async throws {
        try await state.point(at: upstream)
    }
}

/// Hands on what a channel brings.
private final class Ear: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let hear: (ByteBuffer) -> Void
    private let closed: () -> Void

    init(hear: @escaping (ByteBuffer) -> Void, closed: @escaping () -> Void) {
        self.hear = hear
        self.closed = closed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { hear(unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) { closed() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
