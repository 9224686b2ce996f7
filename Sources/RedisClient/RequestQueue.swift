import NIOCore
import Synchronization

/// Commands that go out in one write, and who waits for their replies.
struct Request: Sendable {
    let wire: ByteBuffer
    let replies: Int
    let timeout: TimeAmount
    /// Called once, on the event loop.
    let complete: @Sendable (Result<[RedisValue], RedisError>) -> Void
}

/// The way of requests from any thread to the event loop of their connection.
///
/// Many requests share one wake-up of the loop and one write, which is most of what makes pipelining cheap.
final class RequestQueue: Sendable {
    enum Added {
        /// The loop must be woken to take it.
        case first
        case behindOthers
        /// The connection takes no more requests: this one was not sent.
        case closed(reason: String)
    }

    private enum State {
        case open([Request])
        case closed(reason: String)
    }

    private let state = Mutex(State.open([]))

    func add(_ request: Request) -> Added {
        state.withLock { state in
            switch state {
            case .closed(let reason):
                return .closed(reason: reason)
            case .open(var requests):
                state = .open([])  // leaves the array with one owner, so that it grows in place
                requests.append(request)
                let isFirst = requests.count == 1
                state = .open(requests)
                return isFirst ? .first : .behindOthers
            }
        }
    }

    func takeAll() -> [Request] {
        state.withLock { state in
            guard case .open(let requests) = state else { return [] }
            state = .open([])
            return requests
        }
    }

    /// Refuses requests from now on and returns those that were not taken.
    func close(reason: String) -> [Request] {
        state.withLock { state in
            guard case .open(let requests) = state else { return [] }
            state = .closed(reason: reason)
            return requests
        }
    }

    var isOpen: Bool {
        state.withLock { if case .open = $0 { true } else { false } }
    }
}
