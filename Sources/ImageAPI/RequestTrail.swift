import Synchronization

/// What becomes known of a request on its way inwards, for its line in the log.
final class RequestTrail: Sendable {
    struct Facts {
        var project: String?
        var user: String?
        /// Bytes of the body that were read, where somebody counted them.
        var received: Int64?
    }

    private let known = Mutex(Facts())

    var facts: Facts { known.withLock { $0 } }

    func note(_ change: (inout sending Facts) -> Void) { known.withLock { change(&$0) } }
}
