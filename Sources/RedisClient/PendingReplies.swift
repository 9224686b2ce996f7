import NIOCore

/// Which request the next reply answers: replies come in the order in which the requests were written.
struct PendingReplies<Completion> {
    enum Received {
        /// More replies are to come for the same request.
        case partial
        case complete(Completion, [RedisValue])
        /// Nobody asked: the peer and this side are out of step.
        case unsolicited
    }

    private struct Request {
        let completion: Completion
        let count: Int
        let deadline: NIODeadline
        var replies: [RedisValue] = []
    }

    private var requests = CircularBuffer<Request>()

    var isEmpty: Bool { requests.isEmpty }

    /// When the oldest request has waited long enough.
    var deadline: NIODeadline? { requests.first?.deadline }

    mutating func wrote(_ completion: Completion, replies count: Int, deadline: NIODeadline) {
        requests.append(Request(completion: completion, count: count, deadline: deadline))
    }

    mutating func receive(_ reply: RedisValue) -> Received {
        guard let first = requests.indices.first else { return .unsolicited }
        requests[first].replies.append(reply)
        guard requests[first].replies.count == requests[first].count else { return .partial }
        let request = requests.removeFirst()
        return .complete(request.completion, request.replies)
    }

    mutating func removeAll() -> [Completion] {
        defer { requests.removeAll() }
        return requests.map(\.completion)
    }
}
