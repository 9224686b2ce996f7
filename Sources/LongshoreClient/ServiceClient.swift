import AsyncHTTPClient
import Foundation
import HTTPStatusCheck
import ImportModel
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix
import NIOSSL

/// The Image API and the fleet API of a service, as calls.
///
/// Every call throws `ServiceError` when the service cannot be reached or says no, and `CancellationError` when its
/// task is cancelled. The token is sent in a header and appears nowhere else.
package struct ServiceClient: Sendable {
    package let endpoint: ServiceEndpoint
    private let token: String?
    private let http: HTTPClient
    /// For URLs that the user named, not for the service: it follows redirections and never sees the token.
    let web: HTTPClient

    /// Runs `body` with a client whose connections are closed at the end.
    /// - Parameter caFile: PEM certificates to trust; `nil`: those of the system.
    package static func run<Result: Sendable>(
        endpoint: ServiceEndpoint, token: String?, caFile: String? = nil, _ body: (ServiceClient) async throws -> Result
    ) async throws -> Result {
        // Between two reads: long enough for the service to make a large staged file durable before it answers.
        let http = httpClient(redirects: .disallow, silence: .seconds(300), try trust(caFile))
        let web = httpClient(redirects: .follow(max: 5, allowCycles: false), silence: .seconds(10), nil)
        do {
            let result = try await body(ServiceClient(endpoint: endpoint, token: token, http: http, web: web))
            try await http.shutdown()
            try await web.shutdown()
            return result
        } catch {
            // What went wrong first is the news; a shutdown that fails as well adds nothing.
            try? await http.shutdown()
            try? await web.shutdown()
            throw error
        }
    }

    private static func trust(_ caFile: String?) throws(InvalidValue) -> TLSConfiguration? {
        guard let caFile else { return nil }
        var tls = TLSConfiguration.makeClientConfiguration()
        do {
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(caFile))
        } catch {
            throw InvalidValue("\(SafeText.line(caFile)) cannot be read as PEM certificates (\(error))")
        }
        return tls
    }

    private static func httpClient(
        redirects: HTTPClient.Configuration.RedirectConfiguration, silence: TimeAmount, _ tls: TLSConfiguration?
    ) -> HTTPClient {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: redirects,
            timeout: .init(connect: .seconds(10), read: silence))
        configuration.httpVersion = .http1Only
        // A refused connection is an answer for the user now, not something to try again behind the scenes.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.http1_1ConnectionDebugInitializer = { StatusCheck.add(to: $0) }
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    private init(endpoint: ServiceEndpoint, token: String?, http: HTTPClient, web: HTTPClient) {
        self.endpoint = endpoint
        self.token = token
        self.http = http
        self.web = web
    }

    /// Sends a request and gives its answer if the status is one of `expected`.
    ///
    /// - Parameter timeout: until the answer begins.
    func send(
        _ method: HTTPMethod, _ path: String, query: [(String, String)] = [], headers: [(String, String)] = [],
        body: HTTPClientRequest.Body? = nil, timeout: TimeAmount = .seconds(60), expect expected: Set<UInt>
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: endpoint.url(path, query: query))
        request.method = method
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "longshore")
        if let token { request.headers.add(name: "X-Auth-Token", value: token) }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        request.body = body
        let response = try await reaching { try await http.execute(request, timeout: timeout) }
        guard expected.contains(response.status.code) else { throw await refusal(response) }
        return response
    }

    /// The whole of an answer's body, which is JSON and not large.
    func collect(_ response: HTTPClientResponse) async throws -> Data {
        do {
            return Data(buffer: try await reaching { try await response.body.collect(upTo: 64 << 20) })
        } catch is NIOTooManyBytesError {
            throw ServiceError.unexpectedAnswer("the answer is larger than 64 MiB")
        }
    }

    /// Runs `body`, turning whatever the HTTP client throws into words about reaching the service.
    func reaching<Result>(_ body: () async throws -> Result) async throws -> Result {
        do { return try await body() } catch { throw translated(error) }
    }

    /// The pieces of an answer's body, handed out as they come; errors of `onPiece` pass unchanged.
    func read(_ response: HTTPClientResponse, onPiece: (ByteBuffer) async throws -> Void) async throws {
        var pieces = response.body.makeAsyncIterator()
        while true {
            let piece: ByteBuffer?
            do { piece = try await pieces.next() } catch { throw translated(error) }
            guard let piece else { return try Task.checkCancellation() }
            try await onPiece(piece)
        }
    }

    private func translated(_ error: any Error) -> any Error {
        switch error {
        case is ServiceError, is NIOTooManyBytesError, is LocalFileError: error
        case let error as HTTPClientError where error == .cancelled: CancellationError()
        case _ where Task.isCancelled: CancellationError()
        default: ServiceError.unreachable(endpoint: endpoint.base, reason: Self.reason(error))
        }
    }

    /// The service's own words for a refusal, from either API's form of errors.
    private func refusal(_ response: HTTPClientResponse) async -> ServiceError {
        struct Words: Decodable { var message: String }
        let status = Int(response.status.code)
        // Without a readable body there is still the status to go by.
        let body = try? await response.body.collect(upTo: 1 << 20)
        let words = body.flatMap { try? FleetJSON.decode(Words.self, from: Data(buffer: $0)) }
        let message = words.map { SafeText.line($0.message) } ?? ""
        if !message.isEmpty { return .refused(status: status, message: message) }
        if (300..<400).contains(status) {
            return .unexpectedAnswer("\(endpoint) answered with a redirection (\(status))")
        }
        return .refused(status: status, message: "the service answered \(status) \(response.status.reasonPhrase)")
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { reason($0.error) } ?? "the name \(error.host) could not be resolved"
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case let error as HTTPClientError where error == .connectTimeout || error == .deadlineExceeded: "timed out"
        case let error as HTTPClientError where error == .readTimeout: "it fell silent"
        case let error as HTTPClientError where error == .remoteConnectionClosed: "it closed the connection"
        case let error as HTTPClientError: error.shortDescription
        case let error as NIOSSLError: "TLS: \(error)"
        default: SafeText.line("\(error)")
        }
    }
}
