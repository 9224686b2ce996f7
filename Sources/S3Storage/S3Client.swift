import AsyncHTTPClient
import Foundation
import HTTPStatusCheck
import ImageStorage
import ImportModel
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Signs calls, sends them, and sends again what may succeed a moment later: bounded, with full jitter.
final class S3Client: Sendable {
    let location: S3Location
    let tries: Int
    private let region: String
    private let source: S3CredentialSource
    private let credentials: Mutex<S3Credentials>
    private let threads: NIOThreadPool
    private let http: HTTPClient
    private let retry: RetryPolicy
    let answerTimeout: Duration

    /// No answer but that of a listing is anywhere near it.
    private static let maxAnswerBytes = 4 << 20

    /// Reads files: the credentials and the certificates.
    /// - Throws: what is wrong with the configuration.
    init(_ configuration: S3Configuration, threads: NIOThreadPool) throws(InvalidValue) {
        location = try S3Location(configuration)
        tries = max(configuration.tries, 1)
        region = configuration.region
        source = configuration.credentials
        credentials = Mutex(try source.load())
        retry = configuration.retry
        answerTimeout = configuration.answerTimeout
        self.threads = threads

        var tls = TLSConfiguration.makeClientConfiguration()
        if let file = configuration.caFile {
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
            } catch {
                throw InvalidValue("ca-file \(file) cannot be read as PEM certificates (\(error))")
            }
        }
        var settings = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow,
            // Not on writing: that time runs while this side is slow, and its bookkeeping trusts the service's manners.
            timeout: .init(
                connect: TimeAmount(configuration.connectTimeout), read: TimeAmount(configuration.idleTimeout)),
            decompression: .disabled)
        // Uploads side by side want connections of their own.
        settings.httpVersion = .http1Only
        settings.dnsOverride = configuration.addresses
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1024
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.idleTimeout = .seconds(15)
        settings.http1_1ConnectionDebugInitializer = { StatusCheck.add(to: $0) }
        http = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: settings)
    }

    deinit {
        // The library insists on it; after `close` it fails and does nothing.
        let _: EventLoopFuture<Void> = http.shutdown()
    }

    /// Ends the connections. To be called once, when nothing is under way any more.
    func close() async {
        // A failure to say goodbye changes nothing.
        try? await http.shutdown()
    }

    /// Whether the other one's objects can be named in a call here: the same service, for the same user.
    func isOfOneService(with other: S3Client) -> Bool {
        guard location.service == other.location.service, region == other.region else { return false }
        let theirs = other.credentials.withLock { $0 }
        return credentials.withLock { $0 == theirs }
    }

    /// The outcome of a call, after as many tries as are due.
    func send(_ request: S3Request) async throws(S3Failure) -> S3Answer {
        var failures = 0
        while true {
            let failure: S3Failure
            do throws(S3Failure) {
                let response = try await open(request)
                var answer = try await read(response, to: request)
                answer.tries = failures + 1
                return answer
            } catch {
                failure = error
            }
            failures += 1
            guard failure.isTransient, failures < tries else { throw failure }
            try await pause(afterFailures: failures)
        }
    }

    /// Waits before the next try.
    func pause(afterFailures failures: Int) async throws(S3Failure) {
        do { try await Task.sleep(for: retry.delay(afterFailures: failures)) } catch { throw .cancelled }
    }

    /// Sends once, and once more where there are fresh credentials; the body of a success is the caller's to read, or
    /// to drop.
    func open(_ request: S3Request) async throws(S3Failure) -> HTTPClientResponse {
        let used = credentials.withLock { $0 }
        do throws(S3Failure) { return try await attempt(request, used) } catch {
            guard error.refusal?.mayBeOfCredentials ?? false, let fresh = await renewed(after: used) else {
                throw error
            }
            return try await attempt(request, fresh)
        }
    }

    private func attempt(_ request: S3Request, _ signer: S3Credentials) async throws(S3Failure) -> HTTPClientResponse {
        let response = try await exchange(request, signer)
        guard !(200...299).contains(response.status.code) else { return response }
        throw .refused(await refusal(response, signer))
    }

    private func exchange(_ request: S3Request, _ signer: S3Credentials) async throws(S3Failure) -> HTTPClientResponse {
        let date = Date()
        let path = location.path(of: request.name)
        let hash = S3Digest.hex(request.body.digest)
        var headers =
            request.headers + [
                ("host", location.host), ("x-amz-content-sha256", hash), ("x-amz-date", SigV4.time(date)),
            ]
        if let token = signer.sessionToken { headers.append(("x-amz-security-token", token)) }
        let authorization = SigV4(credentials: signer, region: region).authorization(
            method: request.method.rawValue, path: path, query: request.query, headers: headers, payloadHash: hash,
            date: date)
        let query = request.query.isEmpty ? "" : "?" + SigV4.query(request.query)
        var message = HTTPClientRequest(url: location.origin + path + query)
        message.method = request.method
        message.headers = HTTPHeaders(headers + [("authorization", authorization), ("user-agent", "longshore")])
        if request.body.count > 0 {
            message.body = .stream(PayloadSequence(blocks: request.body.blocks), length: .known(request.body.count))
        }
        do {
            let limit = max(answerTimeout, request.answerTimeout) + S3Pace.longest(for: request.body.count)
            return try await http.execute(message, timeout: TimeAmount(limit))
        } catch {
            throw S3Failure(error)
        }
    }

    /// Other credentials than those that were refused: what another call has read meanwhile, or what is there now.
    private func renewed(after refused: S3Credentials) async -> S3Credentials? {
        let current = credentials.withLock { $0 }
        if current != refused { return current }
        // Where they cannot be read the refusal says what is wrong.
        guard let fresh = try? await threads.runIfActive({ [source] in try source.load() }), fresh != refused else {
            return nil
        }
        credentials.withLock { $0 = fresh }
        return fresh
    }

    private func read(_ response: HTTPClientResponse, to request: S3Request) async throws(S3Failure) -> S3Answer {
        let body: ByteBuffer
        do {
            let limit = max(answerTimeout, request.answerTimeout)
            body = try await Self.collect(response.body, upTo: Self.maxAnswerBytes, within: limit)
        } catch {
            throw S3Failure(error)
        }
        var answer = S3Answer(headers: response.headers, body: body)
        guard let root = request.root else { return answer }
        answer.xml = S3XML(parsing: body.readableBytesView) ?? .none
        if answer.xml.name == root { return answer }
        // Some calls begin their answer before they know its end: then an error comes with the status of a success.
        guard answer.xml.name == "Error" else { throw .notUnderstood("the answer is not the \(root) of S3") }
        let used = credentials.withLock { $0 }
        throw .refused(S3Refusal(status: 500, headers: response.headers, body: body, redact: used.redact))
    }

    private func refusal(_ response: HTTPClientResponse, _ used: S3Credentials) async -> S3Refusal {
        // The status is what counts; a body that breaks off or does not end says nothing more.
        let body = try? await Self.collect(response.body, upTo: 64 << 10, within: answerTimeout)
        return S3Refusal(
            status: Int(response.status.code), headers: response.headers, body: body ?? ByteBuffer(),
            redact: used.redact)
    }

    /// The HTTP client's own limit ends with the head: an answer whose body drips would be waited for without end.
    private static func collect(
        _ body: HTTPClientResponse.Body, upTo count: Int, within limit: Duration
    ) async throws -> ByteBuffer {
        try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
            group.addTask { try await body.collect(upTo: count) }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let answer = first else {
                throw S3Failure.noAnswer("the answer did not end within \(limit)")
            }
            return answer
        }
    }
}

/// The blocks of a body, handed on as they are.
private struct PayloadSequence: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let blocks: [ByteBuffer]

    func makeAsyncIterator() -> Iterator { Iterator(blocks: blocks[...]) }

    struct Iterator: AsyncIteratorProtocol {
        var blocks: ArraySlice<ByteBuffer>
        mutating func next() async -> ByteBuffer? { blocks.popFirst() }
    }
}
