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

    /// Whether the image exists for this caller; what may not be seen is answered as not found.
    package func maySee(_ image: ImageRecord) -> Bool {
        isAdmin || owns(image) || image.visibility == .public || image.visibility == .community
    }

    package func mayChange(_ image: ImageRecord) -> Bool { isAdmin || owns(image) }

    /// Whether a list that was not asked for a visibility shows the image: strangers' community images it does not.
    func seesUnasked(_ image: ImageRecord) -> Bool {
        owns(image) || image.visibility == .public || (isAdmin && image.visibility != .community)
    }
}
