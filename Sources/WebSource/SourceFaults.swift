import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Tells what went wrong with one URL: the one place that decides what may pass by itself.
struct SourceFaults: Sendable {
    /// Redacted.
    let url: String
    /// What was asked for.
    var subject = "image"

    func notResolved(_ error: any Error) -> SourceError {
        switch error {
        case HostResolverError.noSuchName:
            .permanent("\(url): there is no host of this name; check the URL")
        case HostResolverError.failed(let why):
            .transient("\(url): the host's name could not be resolved (\(why)); try again, or check the name servers")
        default:
            .transient("\(url): the host's name could not be resolved in time; try again, or check the name servers")
        }
    }

    func notConnected(_ error: any Error) -> SourceError {
        .transient("\(url): no connection (\(words(error))); check that the server runs and can be reached from here")
    }

    /// The connection ended before an answer.
    func noAnswer(_ error: any Error) -> SourceError {
        switch error {
        case SourceTimeout.headers, SourceTimeout.total:
            return .transient("\(url): no answer in time; try again, or check the server")
        // A connection that ended within the headers is no sign of another protocol.
        case let failure as HTTPParserError where failure != .invalidEOFState:
            return .permanent("\(url): the answer is not HTTP (\(failure)); check scheme and port of the URL")
        case NIOSSLError.handshakeFailed(let failure) where failure != .sslError([.eofDuringHandshake]):
            return .permanent(
                "\(url): no secure connection (\(words(failure))); check the server's certificate, or configure its authority"
            )
        case let failure as NIOSSLExtraError:
            return .permanent("\(url): the server's certificate is not for this host (\(failure)); check the URL")
        default:
            return .transient("\(url): the connection ended before an answer (\(words(error))); try again")
        }
    }

    /// The connection ended within the body.
    func broken(_ error: any Error, after received: Int64, of length: Int64?) -> SourceError {
        let got = length.map { $0 == received ? "\($0) bytes" : "\(received) of \($0) bytes" } ?? "\(received) bytes"
        return switch error {
        case is SourceExcess:
            .permanent("\(url): the source sent more than the \(got) that it announced; check the source")
        case SourceTimeout.idle: .transient("\(url): the source stopped sending after \(got); try again")
        case SourceTimeout.total: .transient("\(url): only \(got) arrived in the time allowed; use a faster source")
        default: .transient("\(url): the connection broke after \(got) (\(words(error))); try again")
        }
    }

    /// Read up to here by several connections.
    func partly(_ offset: Int64) -> SourceError { .transient("\(url): \(offset) bytes arrived; try again") }

    /// The rest was asked for in vain, or broke off each time.
    func notCarriedOn(_ broken: SourceError, tries: Int, last: SourceError?) -> SourceError {
        let why = last.map { "asking for the rest failed \(tries) times, at last so: \($0.clause)" }
        return .transient("\(broken.clause), and \(why ?? "so did \(tries) others that carried on"); try again")
    }

    func notCarriedOn(_ broken: SourceError, _ mismatch: RangeAnswer.Mismatch) -> SourceError {
        .transient("\(broken.clause), and the rest could not be fetched: \(mismatch.reason); try again")
    }

    func tooLarge(_ limit: Int64) -> SourceError {
        .permanent(
            "\(url): the \(subject) is larger than the limit of \(limit) bytes; raise the limit or shrink the \(subject)"
        )
    }

    func tooSlow(_ rate: Int64) -> SourceError {
        .transient("\(url): fewer than \(rate) bytes arrive in a second; use a faster source, or try again")
    }

    func tooManyRedirects(_ limit: Int) -> SourceError {
        .permanent("\(url): more than \(limit) redirects; use the URL of the \(subject) itself")
    }

    /// What an answer that brings no image means; `nil` for one that does.
    ///
    /// - Parameter isPart: whether a part was asked for.
    func refusal(_ head: HTTPResponseHead, isPart: Bool = false) -> SourceError? {
        // The usual words: what the server says there may be anything, the secrets of the URL included.
        let status = "\(head.status.code) \(HTTPResponseStatus(statusCode: Int(head.status.code)).reasonPhrase)"
        switch head.status.code {
        case 200, isPart ? 206 : 200:
            let codings =
                head.headers[canonicalForm: "content-encoding"] + head.headers[canonicalForm: "transfer-encoding"]
            guard let coding = codings.first(where: { !["identity", "chunked", ""].contains($0.lowercased()) }) else {
                return nil
            }
            return .permanent(
                "\(url): the server sends the \(subject) encoded as '\(coding.prefix(40))' although asked not to; make it send the plain file"
            )
        case 401, 403, 407:
            return .permanent("\(url): the server answered \(status); check the credentials in the URL")
        case 404, 410:
            return .permanent("\(url): the server answered \(status); check the URL")
        case 408, 425, 429, 500...599:
            return .transient("\(url): the server answered \(status); try again later", retryAfter: retryAfter(head))
        default:
            return .permanent("\(url): the server answered \(status) instead of the \(subject); check the URL")
        }
    }

    /// Seconds or a date; at most a day.
    private func retryAfter(_ head: HTTPResponseHead) -> Duration? {
        guard let text = head.headers.first(name: "retry-after") else { return nil }
        if let seconds = Int64(text) { return .seconds(min(max(seconds, 0), 86400)) }
        guard let date = HTTPDate.parse(text) else { return nil }
        return .seconds(Int64(min(max(date.timeIntervalSinceNow, 0), 86400)))
    }

    private func words(_ error: any Error) -> String {
        switch error {
        case ChannelError.eof: "closed by the server"
        case ChannelError.connectTimeout: "no reply in time"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case HTTPParserError.invalidEOFState: "closed by the server"
        case NIOSSLError.uncleanShutdown: "closed without the end of TLS"
        case NIOSSLError.handshakeFailed(let failure): words(failure)
        default: "\(error)"
        }
    }

    /// `CERTIFICATE_VERIFY_FAILED`: what the library says, without where in its sources it says so.
    private func words(_ failure: BoringSSLError) -> String {
        guard case .sslError(let stack) = failure, let first = stack.first else { return "\(failure)" }
        let text = "\(first)".split(separator: " at ", maxSplits: 1)[0]
        return text.split(separator: ":").last.map(String.init) ?? String(text)
    }
}
