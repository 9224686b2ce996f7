import NIOCore
import NIOHTTP1
import NIOSSL

/// What is asked of a server: everything, or a range.
struct SourceRequest: Sendable {
    var range: RangeAnswer?
    /// Whether the connection is to be kept for further requests.
    var keepsConnection = false

    init() {}

    /// - Throws: `RangeAnswer.Mismatch` if such a source has no parts that could be told from others'.
    init(
        _ range: ClosedRange<Int64>, of validators: SourceValidators, keepsConnection: Bool = false
    ) throws(RangeAnswer.Mismatch) {
        guard validators.allowResuming, let total = validators.totalBytes, range.lowerBound >= 0,
            range.upperBound < total
        else { throw RangeAnswer.Mismatch(reason: "the source does not say how its bytes can be told from others") }
        self.range = RangeAnswer(range: range, validators: validators)
        self.keepsConnection = keepsConnection
    }

    /// Sends the request and waits for the head of the answer.
    ///
    /// - Parameter isFurther: whether the connection has answered before.
    /// - Throws: `SourceError`; `CancellationError`.
    func send(
        to url: SourceURL, by connection: WebConnection, isFurther: Bool = false, _ faults: SourceFaults
    ) async throws -> (HTTPResponseHead, NIOSSLCertificate?) {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: url.target, headers: headers(for: url))
        let channel = connection.channel
        do {
            return try await withTaskCancellationHandler {
                if isFurther { return (try await connection.ask(head), nil) }
                // Where writing fails, the reason is what the answer fails with.
                try? await connection.outbound.write(contentsOf: [.head(head), .end(nil)])
                return try await connection.answer.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            try Task.checkCancellation()
            throw faults.noAnswer(error)
        }
    }

    private func headers(for url: SourceURL) -> HTTPHeaders {
        var headers: HTTPHeaders = [
            "Host": url.hostHeader, "User-Agent": "longshore", "Accept": "*/*", "Accept-Encoding": "identity",
        ]
        if !keepsConnection { headers.add(name: "Connection", value: "close") }
        if let authorization = url.authorization { headers.add(name: "Authorization", value: authorization) }
        if let range, let condition = range.validators.condition {
            headers.add(name: "Range", value: range.header)
            headers.add(name: "If-Range", value: condition)
        }
        return headers
    }

    /// Where the body begins that comes with this answer.
    /// - Throws: `RangeAnswer.Mismatch`; `SourceError`.
    func judge(_ head: HTTPResponseHead, _ faults: SourceFaults) throws -> SourceStart {
        guard let range else {
            if let refusal = faults.refusal(head) { throw refusal }
            return .beginning
        }
        if ![412, 416].contains(head.status.code), let refusal = faults.refusal(head, isPart: true) { throw refusal }
        do { try range.check(head) } catch {
            // What comes is the whole, and it may as well be taken.
            if head.status == .ok { return .anew(error.reason) }
            throw error
        }
        return .offset(range.range.lowerBound)
    }
}
