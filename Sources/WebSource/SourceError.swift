/// Why a source gives no bytes. Every reason is a sentence for a person, with the redacted URL and what to do.
package enum SourceError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The policy forbids it. Stays so.
    case refused(String)
    /// The source will not give the image as asked: it does not exist, asks for other credentials, is too large …
    case permanent(String)
    /// May pass by itself; not before `retryAfter`, if the source said so.
    case transient(String, retryAfter: Duration? = nil)

    package var description: String {
        switch self {
        case .refused(let reason), .permanent(let reason), .transient(let reason, _): reason
        }
    }

    /// What happened, without what to do about it.
    var clause: Substring { description.prefix(upTo: description.lastIndex(of: ";") ?? description.endIndex) }

    var retryAfter: Duration? {
        if case .transient(_, let wait) = self { wait } else { nil }
    }
}
