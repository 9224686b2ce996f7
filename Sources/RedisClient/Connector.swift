import NIOCore
import NIOPosix
import NIOSSL

/// Makes connections that are ready for commands: connected, over TLS where wanted, logged in, database selected.
struct Connector: Sendable {
    private let configuration: RedisConfiguration
    private let group: any EventLoopGroup
    private let tls: NIOSSLContext?
    private let digests: ScriptDigests

    /// Reads the files of the TLS settings.
    init(
        configuration: RedisConfiguration, group: any EventLoopGroup, digests: ScriptDigests
    ) throws(RedisConfigurationError) {
        self.configuration = configuration
        self.group = group
        self.digests = digests
        tls = try configuration.tls.map { (tls) throws(RedisConfigurationError) in try tls.context() }
    }

    /// Fails with a `ConnectFailure` only.
    func connect(atMost timeout: TimeAmount) -> EventLoopFuture<RedisConnection> {
        let eventLoop = group.next()
        let deadline = NIODeadline.now() + timeout
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(timeout)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: serverName))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionHandler(maxReplyBytes: configuration.maxReplyBytes, eventLoop: channel.eventLoop))
                }
            }
        let channel =
            switch configuration.endpoint {
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .tcp(let host, let port): bootstrap.connect(host: host, port: port)
            }
        return channel.flatMapThrowing { channel in
            RedisConnection(
                channel: channel,
                handler: try channel.pipeline.syncOperations.handler(type: ConnectionHandler.self),
                digests: digests, commandTimeout: TimeAmount(configuration.commandTimeout))
        }.flatMapErrorThrowing { error in
            throw ConnectFailure(reason: "cannot connect to \(configuration.endpoint): \(Self.describe(error))")
        }.flatMap { connection in
            greet(connection, on: eventLoop, deadline: deadline).flatMapErrorThrowing { error in
                connection.close(reason: "the server did not let us in")
                throw error
            }
        }
    }

    /// Logs in; the replies also prove that the other side is a Redis, and that TLS is in place.
    private func greet(
        _ connection: RedisConnection, on eventLoop: any EventLoop, deadline: NIODeadline
    ) -> EventLoopFuture<RedisConnection> {
        let steps = Greeting.steps(configuration)
        var wire = ByteBuffer()
        for step in steps { wire.writeImmutableBuffer(step.command.wire) }
        let promise = eventLoop.makePromise(of: RedisConnection.self)
        let endpoint = configuration.endpoint
        connection.submit(
            Request(wire: wire, replies: steps.count, timeout: deadline - .now()) { result in
                switch result {
                case .success(let replies):
                    if let reason = Greeting.refusal(steps, replies: replies) {
                        promise.fail(ConnectFailure(reason: "\(endpoint) did not let us in: \(reason)"))
                    } else {
                        promise.succeed(connection)
                    }
                case .failure(.notSent(let reason)), .failure(.inDoubt(let reason)):
                    promise.fail(ConnectFailure(reason: "no greeting from \(endpoint): \(reason)"))
                case .failure(.refused(let error)):
                    promise.fail(ConnectFailure(reason: "\(endpoint) did not let us in: \(error)"))
                }
            })
        return promise.futureResult
    }

    /// An address has no server name: it is compared with the addresses that the certificate is for.
    private var serverName: String? {
        if let name = configuration.tls?.serverName { return name }
        guard case .tcp(let host, _) = configuration.endpoint else { return nil }
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil  // its error says just that it is not
        return isAddress ? nil : host
    }

    private static func describe(_ error: any Error) -> String {
        guard let error = error as? NIOConnectionError else { return String(describing: error) }
        if let failure = error.connectionErrors.first { return String(describing: failure.error) }
        return (error.dnsAAAAError ?? error.dnsAError).map { "no address for the name: \($0)" } ?? "no address"
    }
}

struct ConnectFailure: Error, Equatable {
    /// Never holds a password.
    let reason: String
}

extension RedisConfiguration.TLS {
    fileprivate func context() throws(RedisConfigurationError) -> NIOSSLContext {
        guard (certificateFile == nil) == (keyFile == nil) else {
            throw .tls(reason: "a client certificate and its key go together: set both or neither")
        }
        var settings = TLSConfiguration.makeClientConfiguration()
        try Self.reading(caFile) { settings.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile($0)) }
        try Self.reading(certificateFile) {
            settings.certificateChain = try NIOSSLCertificate.fromPEMFile($0).map { .certificate($0) }
        }
        try Self.reading(keyFile) { settings.privateKey = .privateKey(try NIOSSLPrivateKey(file: $0, format: .pem)) }
        do {
            return try NIOSSLContext(configuration: settings)
        } catch {
            throw .tls(reason: "\(error): does the key belong to the certificate?")
        }
    }

    private static func reading(_ file: String?, _ read: (String) throws -> Void) throws(RedisConfigurationError) {
        guard let file else { return }
        do {
            try read(file)
        } catch {
            throw .tls(reason: "cannot read \(file) as PEM: \(error)")
        }
    }
}
