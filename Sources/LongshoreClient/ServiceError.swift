/// Why a request to the service did not do what it was for.
package enum ServiceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No answer: nothing listens there, the connection broke, or it took too long.
    case unreachable(endpoint: String, reason: String)
    /// The service understood and said no; `message` is its own explanation.
    case refused(status: Int, message: String)
    /// Something answered that does not speak like the service.
    case unexpectedAnswer(String)

    /// Whether asking again later may help: the service is away or not ready.
    package var isPassing: Bool {
        switch self {
        case .unreachable: true
        case .refused(let status, _): status == 429 || status >= 500
        case .unexpectedAnswer: false
        }
    }

    package var description: String {
        switch self {
        case .unreachable(let endpoint, let reason):
            "no answer from \(endpoint) (\(reason)); see that the service runs, or give its URL with --endpoint"
        case .refused(401, let message):
            "the service does not know who is asking: \(message); give a token with --os-token or OS_TOKEN"
        case .refused(_, let message): message
        case .unexpectedAnswer(let what):
            "\(what); see that --endpoint is the URL of a Longshore service"
        }
    }
}
