import AsyncHTTPClient
import Foundation
import HTTPStatusCheck
import ImportModel
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Short calls to a service that knows users: a few at a time, each with limits on its time and its answer.
final class IdentityHTTP: Sendable {
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let body: Data
    }

    private let http: HTTPClient
    private let timeout: Duration

    private static let maxAnswerBytes = 2 << 20
    /// Calls at once; more wait for their turn, within their own time.
    private static let parallelCalls = 8

    /// - Parameters:
    ///   - timeout: for a whole call.
    ///   - caFile: PEM certificates to trust; `nil`: those of the system.
    init(timeout: Duration, caFile: String?) throws(InvalidValue) {
        self.timeout = timeout
        var tls = TLSConfiguration.makeClientConfiguration()
        if let caFile {
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(caFile))
            } catch {
                throw InvalidValue("\(caFile) cannot be read as PEM certificates (\(error))")
            }
        }
        // Redirected, a token would go to whoever the answer names.
        var settings = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(timeout), read: TimeAmount(timeout)), decompression: .disabled)
        settings.httpVersion = .http1Only
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.parallelCalls
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.idleTimeout = .seconds(15)
        settings.http1_1ConnectionDebugInitializer = { StatusCheck.add(to: $0) }
        http = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: settings)
    }

    deinit {
        // The library insists on it.
        let _: EventLoopFuture<Void> = http.shutdown()
    }

    /// - Throws: `IdentityError.unavailable`, which names `service`; `CancellationError`
    func send(
        _ method: HTTPMethod, _ url: String, _ headers: [(String, String)] = [], json: Data? = nil, to service: String
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url)
        request.method = method
        request.headers = HTTPHeaders([("Accept", "application/json"), ("User-Agent", "longshore")] + headers)
        if let json {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(data: json))
        }
        let call = request
        do {
            return try await withThrowingTaskGroup(of: Answer.self) { group in
                group.addTask { try await self.exchange(call) }
                group.addTask {
                    // A body that trickles would keep the client's own limits at bay for ever.
                    try await Task.sleep(for: self.timeout)
                    throw TooSlow()
                }
                defer { group.cancelAll() }
                guard let answer = try await group.next() else { throw CancellationError() }
                return answer
            }
        } catch {
            if Task.isCancelled { throw CancellationError() }
            throw IdentityError.unavailable("\(service) does not answer: \(Self.reason(error))")
        }
    }

    private func exchange(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await http.execute(request, timeout: TimeAmount(timeout))
        let body = try await response.body.collect(upTo: Self.maxAnswerBytes)
        return Answer(status: Int(response.status.code), headers: response.headers, body: Data(buffer: body))
    }

    private struct TooSlow: Error {}

    private static func reason(_ error: any Error) -> String {
        switch error {
        case is TooSlow: "it took too long"
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { reason($0.error) } ?? "the name \(error.host) could not be resolved"
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case let error as HTTPClientError where error == .connectTimeout || error == .deadlineExceeded:
            "it took too long"
        case let error as HTTPClientError where error == .readTimeout: "it fell silent"
        case let error as HTTPClientError where error == .remoteConnectionClosed: "it closed the connection"
        case is NIOTooManyBytesError: "its answer has more than \(maxAnswerBytes) bytes"
        case let error as HTTPClientError: error.shortDescription
        case let error as NIOSSLError: "TLS: \(error)"
        default: "\(error)"
        }
    }
}
