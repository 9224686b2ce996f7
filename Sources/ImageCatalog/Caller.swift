package import ImportModel

/// Who is asking, and what that entitles to.
package struct Caller: Hashable, Sendable {
    /// What the caller's token is good for.
    package enum Scope: String, Hashable, Sendable {
        case project, domain, system
        case nothing = "no scope"
    }

    /// Empty where the scope is no project.
    package var project: String
    package var user: String
    /// In small letters.
    package var roles: Set<String>
    package var scope: Scope
    /// The table that the rights are read from.
    package var policy: Policy

    package init(
        project: String, user: String, roles: Set<String>, scope: Scope = .project, policy: Policy = Policy()
    ) {
        self.project = project
        self.user = user
        self.roles = roles
        self.scope = scope
        self.policy = policy
    }

    /// An administrator of a domain is none of the cloud.
    package var isAdmin: Bool { roles.contains("admin") && (scope == .project || scope == .system) }

    /// Sees the fleet's side of every image, and no image itself.
    package var isSystemAdmin: Bool { isAdmin && scope == .system }

    // A role stands for those below it: not every source of identity spells them out.
    private var isMember: Bool { isAdmin || roles.contains("member") }
    private var isReader: Bool { isMember || roles.contains("reader") }

    func owns(_ image: ImageRecord) -> Bool { !project.isEmpty && image.owner == project }

    /// Whether the image is the caller's own as far as its members and its place in lists are concerned.
    func controls(_ image: ImageRecord) -> Bool { isAdmin || owns(image) }

    /// Whether the image is shared with the caller's project, whatever that said to it.
    private func isRecipient(of image: ImageRecord) -> Bool {
        image.visibility == .shared && image.members[project] != nil
    }

    private func isInView(_ image: ImageRecord) -> Bool {
        owns(image) || image.visibility == .public || image.visibility == .community || isRecipient(of: image)
    }

    /// Whether the image exists for this caller; what may not be seen is answered as not found.
    package func maySee(_ image: ImageRecord) -> Bool { may(.getImage, image) }

    /// Whether any image may exist for this caller, and not only its own, shared and public ones.
    var mayListAll: Bool { may(.getImage, isOwner: false, isInView: false) }

    /// For what concerns neither an image nor a task.
    package func may(_ action: PolicyAction) -> Bool { may(action, isOwner: true, isInView: true) }

    package func may(_ action: PolicyAction, _ image: ImageRecord) -> Bool {
        may(action, isOwner: owns(image), isInView: isInView(image))
    }

    package func may(_ action: PolicyAction, _ image: ImageRecord, sharedWith recipient: String) -> Bool {
        may(action, isOwner: owns(image), isInView: isInView(image), isRecipient: recipient == project)
    }

    package func may(_ action: PolicyAction, _ task: TaskRecord) -> Bool {
        let isOwner = !project.isEmpty && task.owner == project
        return may(action, isOwner: isOwner, isInView: isOwner)
    }

    private func may(_ action: PolicyAction, isOwner: Bool, isInView: Bool, isRecipient: Bool = false) -> Bool {
        let rule = policy.rule(for: action)
        guard hasScope(for: action) || rule == .anyone else { return false }
        return switch rule {
        case .nobody: false
        case .admin: isAdmin
        case .service: isAdmin || roles.contains("service")
        case .recipient: isAdmin || (isMember && isRecipient)
        case .owner: isAdmin || (isMember && isOwner)
        case .member: isAdmin || (isMember && isInView)
        case .reader: isAdmin || (isReader && isInView)
        case .known: isAdmin || isInView
        case .anyone: true
        }
    }

    private func hasScope(for action: PolicyAction) -> Bool {
        scope == .project || (scope == .system && action.isOfFleet)
    }

    /// Why the caller may not do what it asked for.
    /// - Parameter what: as in "you may not … ".
    package func refusal(_ action: PolicyAction, to what: String) -> CatalogError {
        guard hasScope(for: action) else {
            return .forbidden(
                "You may not \(what) with a token for \(scope == .nothing ? "no scope" : "a \(scope.rawValue)"): ask for "
                    + "one that is scoped to a project.")
        }
        let rule = policy.rule(for: action)
        return .forbidden("You may not \(what): by the policy's row '\(action.name)' it is for \(rule.meaning).")
    }

    /// Whether a list may show the image: of those that are shared with the caller's project, the ones to which it said
    /// `answer`; `nil` for all of them.
    func lists(_ image: ImageRecord, sharedAnd answer: MemberStatus?) -> Bool {
        guard maySee(image) else { return false }
        guard let answer, !controls(image), image.visibility == .shared else { return true }
        return image.members[project]?.status == answer
    }

    /// Whether a list that was not asked for a visibility shows the image: strangers' community images it does not.
    func seesUnasked(_ image: ImageRecord) -> Bool { owns(image) || image.visibility != .community }
}
