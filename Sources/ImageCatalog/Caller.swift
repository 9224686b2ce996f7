package import ImportModel

/// Who is asking, and what that entitles to.
package struct Caller: Hashable, Sendable {
    package var project: String
    package var user: String
    package var roles: Set<String>
    package var isAdmin: Bool

    package init(project: String, user: String, roles: Set<String>, isAdmin: Bool) {
        self.project = project
        self.user = user
        self.roles = roles
        self.isAdmin = isAdmin
    }

    func owns(_ image: ImageRecord) -> Bool { image.owner == project }

    /// Whether the image is shared with the caller's project, whatever that said to it.
    func isMember(of image: ImageRecord) -> Bool { image.visibility == .shared && image.members[project] != nil }

    /// Whether the image exists for this caller; what may not be seen is answered as not found.
    package func maySee(_ image: ImageRecord) -> Bool {
        isAdmin || owns(image) || image.visibility == .public || image.visibility == .community || isMember(of: image)
    }

    package func mayChange(_ image: ImageRecord) -> Bool { isAdmin || owns(image) }

    /// Whether a list may show the image: of those that are shared with the caller's project, the ones to which it said
    /// `answer`; `nil` for all of them.
    func lists(_ image: ImageRecord, sharedAnd answer: MemberStatus?) -> Bool {
        guard maySee(image) else { return false }
        guard let answer, !mayChange(image), image.visibility == .shared else { return true }
        return image.members[project]?.status == answer
    }

    /// Whether a list that was not asked for a visibility shows the image: strangers' community images it does not.
    func seesUnasked(_ image: ImageRecord) -> Bool { owns(image) || image.visibility != .community }
}
