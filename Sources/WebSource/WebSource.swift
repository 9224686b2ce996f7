package import ImportModel
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The one HTTP client for everything that fetches what a user named.
///
/// A URL is parsed once and its host resolved once; every address is vetted by the policy, and the connection is made
/// to one of those very addresses, so that no second look-up can lead elsewhere. The same is done at each redirect.
/// HTTP/1.1, one request per connection, closed however the use of the source ends.
package struct WebSource: Sendable {
    private let policy: SourcePolicy
    /// For whatever is opened; `read` has its own.
    var limits: SourceLimits
    /// What is fetched, for messages.
    var subject = "image"
    private let resolver: any HostResolver
    private let tls: NIOSSLContext
    private let group: any EventLoopGroup

    /// - Parameters:
    ///   - caFile: PEM file of authorities to trust besides the system's.
    /// - Throws: when the file cannot be read.
    package init(
        policy: SourcePolicy = SourcePolicy(), limits: SourceLimits = SourceLimits(), resolver: any HostResolver,
        caFile: String? = nil, group: (any EventLoopGroup)? = nil
    ) throws {
        self.policy = policy
        self.limits = limits
        self.resolver = resolver
        self.group = group ?? MultiThreadedEventLoopGroup.singleton
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let caFile { configuration.additionalTrustRoots = [.file(caFile)] }
        tls = try NIOSSLContext(configuration: configuration)
    }

    /// Checks all that can be checked without asking the network.
    package func check(_ url: String) throws(InvalidValue) { try policy.check(url) }

    /// Opens `url` and closes it when `use` returns or throws.
    ///
    /// - Throws: `SourceError`, from the source's body too; `CancellationError`; what `use` throws.
    package func withSource<Result: Sendable>(
        _ url: String, _ use: (OpenedSource) async throws -> Result
    ) async throws -> Result {
        let deadline = ContinuousClock.now + limits.total
        var target = try permitted { () throws(InvalidValue) in try SourceURL(parsing: url) }
        var urls: [String] = []
        for _ in 0...limits.redirects {
            urls.append(target.redacted)
            switch try await visit(target, by: urls, until: deadline, use) {
            case .used(let result): return result
            case .moved(let location):
                let from = target
                target = try permitted { () throws(InvalidValue) in try from.following(location) }
            }
        }
        throw SourceFaults(url: redact(url), subject: subject).tooManyRedirects(limits.redirects)
    }

    private enum Visit<Result: Sendable>: Sendable {
        case used(Result)
        case moved(String)
    }

    private func visit<Result: Sendable>(
        _ url: SourceURL, by urls: [String], until deadline: ContinuousClock.Instant,
        _ use: (OpenedSource) async throws -> Result
    ) async throws -> Visit<Result> {
        let faults = SourceFaults(url: url.redacted, subject: subject)
        let connection = try await connect(url, until: deadline, faults)
        return try await connection.channel.executeThenClose { inbound, outbound in
            let (head, certificate) = try await ask(url, connection, outbound, faults)
            if [301, 302, 303, 307, 308].contains(head.status.code),
                let location = head.headers.first(name: "location")
            {
                return .moved(location)
            }
            if let refusal = faults.refusal(head) { throw refusal }
            let length = head.headers[canonicalForm: "content-length"].first.flatMap { Int64($0) }
            if let length, length > limits.maxBytes { throw faults.tooLarge(limits.maxBytes) }
            let isChunked = head.headers[canonicalForm: "transfer-encoding"].contains { $0.lowercased() == "chunked" }
            let body = SourceBody(
                inbound: inbound, contentLength: length, limits: limits, faults: faults)
            let origin = SourceOrigin(
                urls: urls, address: connection.peer,
                certificate: try certificate.map { PeerCertificate(der: try $0.toDERBytes()) },
                etag: head.headers.first(name: "etag"), lastModified: head.headers.first(name: "last-modified"))
            return .used(
                try await use(
                    OpenedSource(
                        contentLength: length, tellsItsEnd: length != nil || isChunked, origin: origin, body: body)))
        }
    }

    /// Sends the request and waits for the head of the answer.
    private func ask(
        _ url: SourceURL, _ connection: WebConnection,
        _ outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>, _ faults: SourceFaults
    ) async throws -> (HTTPResponseHead, NIOSSLCertificate?) {
        var headers: HTTPHeaders = [
            "Host": url.hostHeader, "User-Agent": "longshore", "Accept": "*/*", "Accept-Encoding": "identity",
            "Connection": "close",
        ]
        if let authorization = url.authorization { headers.add(name: "Authorization", value: authorization) }
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: headers)
        let channel = connection.channel.channel
        do {
            return try await withTaskCancellationHandler {
                // Where writing fails, the reason is what the answer fails with.
                try? await outbound.write(contentsOf: [.head(head), .end(nil)])
                return try await connection.answer.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            try Task.checkCancellation()
            throw faults.noAnswer(error)
        }
    }

    /// Connects to the first of the host's addresses that answers.
    private func connect(
        _ url: SourceURL, until deadline: ContinuousClock.Instant, _ faults: SourceFaults
    ) async throws -> WebConnection {
        var failure = faults.notConnected(ChannelError.eof)
        for address in try await addresses(of: url, faults).prefix(4) {
            do {
                return try await WebConnection.open(
                    url, at: address, tls: tls, limits: limits, until: deadline, group: group)
            } catch {
                try Task.checkCancellation()
                failure = faults.notConnected(error)
            }
        }
        throw failure
    }

    /// The vetted addresses of the host. One that is not allowed spoils all: who answers with both is up to something,
    /// or needs an entry in the list of what is allowed.
    private func addresses(of url: SourceURL, _ faults: SourceFaults) async throws -> [IPAddress] {
        try permitted { () throws(InvalidValue) in try policy.check(url) }
        let name: String
        switch url.host {
        case .address(let address): return [address]
        case .name(let host): name = host
        }
        let found: [IPAddress]
        do { found = try await resolve(name) } catch {
            try Task.checkCancellation()
            throw faults.notResolved(error)
        }
        guard !found.isEmpty else { throw faults.notResolved(HostResolverError.noSuchName) }
        for address in found { try permitted { () throws(InvalidValue) in try policy.check(address, of: url) } }
        return found
    }

    private func resolve(_ name: String) async throws -> [IPAddress] {
        let (resolver, limit) = (resolver, limits.connect)
        return try await withThrowingTaskGroup(of: [IPAddress]?.self) { group in
            group.addTask { try await resolver.resolve(name) }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let found = first else { throw SourceTimeout.headers }
            return found
        }
    }

    private func permitted<Value>(_ check: () throws(InvalidValue) -> Value) throws(SourceError) -> Value {
        do { return try check() } catch { throw .refused(error.message) }
    }
}

/// A source that answers, for as long as it is in use.
package struct OpenedSource: Sendable {
    /// In bytes, if the server said.
    package let contentLength: Int64?
    /// Whether the end of the body can be told from a connection that broke.
    package let tellsItsEnd: Bool
    package let origin: SourceOrigin
    package let body: SourceBody

    /// Where the bytes come from after redirects, redacted.
    package var url: String { origin.urls.last ?? "" }
}
