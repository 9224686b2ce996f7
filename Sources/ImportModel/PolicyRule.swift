/// Who may do something, in one word. An administrator may do all that anybody may, unless the word is `nobody`.
package enum PolicyRule: String, Hashable, Sendable, CaseIterable {
    case nobody
    case admin
    /// Also whoever has the role `service`: other services of the cloud.
    case service
    /// Members of the project that the image was shared with.
    case recipient
    /// Members of the project that the image or the task belongs to.
    case owner
    /// Whoever has the role `member`, of what he may see.
    case member
    /// Whoever has the role `reader`, of what he may see; members have it too.
    case reader
    /// Whoever is known, whatever his roles, of what he may see.
    case known
    /// Also who brings no token.
    case anyone

    /// For sentences: may be done by …
    package var meaning: String {
        switch self {
        case .nobody: "nobody"
        case .admin: "administrators"
        case .service: "administrators and services"
        case .recipient: "administrators and members of the project that it is shared with"
        case .owner: "administrators and members of the project that it belongs to"
        case .member: "administrators and whoever has the role 'member'"
        case .reader: "administrators and whoever has the role 'reader' or 'member'"
        case .known: "whoever has a valid token"
        case .anyone: "anyone"
        }
    }
}
