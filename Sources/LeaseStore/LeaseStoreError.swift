import RedisClient

/// Why Redis did not do what was asked. Expected answers (`locked`, `lost` …) are values, not errors.
package enum LeaseStoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nothing was done; the same call may succeed later.
    case unavailable(reason: String)
    /// It may have been done. The same call with the same ids finds out.
    case inDoubt(reason: String)
    /// Redis is full: it takes no new work, but finishes what runs.
    case full(reason: String)
    /// Redis holds, or answered, something that this version does not understand.
    case malformed(reason: String)

    init(_ error: RedisError) {
        switch error {
        case .notSent(let reason): self = .unavailable(reason: reason)
        case .inDoubt(let reason): self = .inDoubt(reason: reason)
        case .refused(let refusal) where refusal.code == .oom: self = .full(reason: refusal.description)
        case .refused(let refusal) where refusal.isTransient: self = .unavailable(reason: refusal.description)
        case .refused(let refusal): self = .malformed(reason: refusal.description)
        }
    }

    /// Whether the same call, with the same ids, is worth another try.
    package var isTransient: Bool {
        switch self {
        case .unavailable, .inDoubt, .full: true
        case .malformed: false
        }
    }

    package var description: String {
        switch self {
        case .unavailable(let reason): "Redis cannot be used right now: \(reason)"
        case .inDoubt(let reason): "Redis did not answer: \(reason)"
        case .full(let reason): "Redis takes no new work: \(reason)"
        case .malformed(let reason): "Redis answered what this version does not understand: \(reason)"
        }
    }
}
