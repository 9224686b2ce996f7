package import ImportModel
package import NIOCore
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

    func parse(_ url: String) throws(SourceError) -> SourceURL {
        try permitted { () throws(InvalidValue) in try SourceURL(parsing: url) }
    }

    /// Opens `url` and closes it when `use` returns or throws.
    ///
    /// - Parameter position: if given, only what is behind it is asked for. Whether that is what came is told by the
    ///   source's `start`: where it has changed, or its server has no ranges, it is opened from its first byte on.
    /// - Throws: `SourceError`, from the source's body too; `CancellationError`; what `use` throws.
    package func withSource<Result: Sendable>(
        _ url: String, from position: SourcePosition? = nil, _ use: (OpenedSource) async throws -> Result
    ) async throws -> Result {
        let visit = SourceVisit(url, of: self)
        do {
            let result = try await use(try await open(visit, from: position))
            await visit.end()
            return result
        } catch {
            await visit.end()
            throw error
        }
    }

    private func open(_ visit: SourceVisit, from position: SourcePosition?) async throws -> OpenedSource {
        visit.begin(at: position?.place)
        do {
            let answer = try await visit.answer(to: position.map { try $0.request } ?? SourceRequest())
            return try OpenedSource(answer, of: visit, position)
        } catch let mismatch as RangeAnswer.Mismatch {
            return try await openAnew(visit, because: mismatch.reason)
        } catch SourceError.permanent(let reason) where position != nil {
            // Some refuse what asks for a part, and give the whole. If not, that is the verdict.
            return try await openAnew(visit, because: "the rest is refused: \(reason)")
        }
    }

    private func openAnew(_ visit: SourceVisit, because reason: String) async throws -> OpenedSource {
        visit.begin()
        let answer = try await visit.answer(to: SourceRequest())
        return try OpenedSource(answer, of: visit, nil, start: .anew(reason))
    }

    /// Connects to the first of the host's addresses that answers.
    func connect(
        _ url: SourceURL, until deadline: ContinuousClock.Instant, isKept: Bool, _ faults: SourceFaults
    ) async throws -> WebConnection {
        var failure = faults.notConnected(ChannelError.eof)
        for address in try await addresses(of: url, faults).prefix(4) {
            do {
                return try await WebConnection.open(
                    url, at: address, tls: tls, limits: limits, until: deadline, isKept: isKept, group: group)
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

    func permitted<Value>(_ check: () throws(InvalidValue) -> Value) throws(SourceError) -> Value {
        do { return try check() } catch { throw .refused(error.message) }
    }
}
