/// How a command failed, in the one respect that decides what may be done next.
package enum RedisError: Error, Equatable, Sendable {
    /// Nothing was written to the wire: it is safe to try anything again.
    case notSent(reason: String)
    /// The server answered with an error. A script that fails half way keeps what it wrote: errors do not roll back.
    case refused(RedisServerError)
    /// It was written and no reply came: it may have been executed, be executed later, or never.
    case inDoubt(reason: String)
}

extension RedisError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notSent(let reason):
            "Redis was not asked: \(reason). Nothing was done, so it is safe to try again; "
                + "check that Redis runs and that its address is right"
        case .refused(let error):
            "Redis refused: \(error)"
        case .inDoubt(let reason):
            "no reply from Redis: \(reason). The command may have been executed or not; "
                + "look before it is repeated, unless it is idempotent"
        }
    }
}
