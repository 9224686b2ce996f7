package import ImportModel
import LeaseStore

/// Whom images are shared with. The owner says with whom, and each project says for itself whether it wants to see them
/// in its lists.
///
/// What a caller may not know of is `.notFound`, here as everywhere.
extension Catalog {
    package static let maxMembers = 128

    /// All members for who may change the image, sorted by project; for a member its own entry.
    package func members(of id: String, for caller: Caller) async throws -> [ImageMembership] {
        let image = try await image(id, for: caller)
        // Where members may not be seen there are none.
        guard caller.may(.getMembers, image) else { throw CatalogError.noImage(id) }
        guard image.visibility == .shared else { throw CatalogError.notFound(notShared(image)) }
        return image.members.filter { caller.controls(image) || $0.key == caller.project }
            .map { ImageMembership(image: image.id, project: $0.key, member: $0.value) }
            .sorted { $0.project < $1.project }
    }

    package func member(_ project: String, of id: String, for caller: Caller) async throws -> ImageMembership {
        let image = try await image(id, for: caller)
        guard image.visibility == .shared else { throw CatalogError.notFound(notShared(image)) }
        guard caller.may(.getMember, image), caller.controls(image) || project == caller.project,
            let member = image.members[project]
        else { throw noMember(project, of: id) }
        return ImageMembership(image: image.id, project: project, member: member)
    }

    package func addMember(_ project: String, to id: String, by caller: Caller) async throws -> ImageMembership {
        let image = try await image(id, changedBy: caller, action: .addMember, verb: "share")
        let (reply, isRepeat) = try await insist {
            try await store.addMember(project, to: image.id, limit: Self.maxMembers)
        }
        switch reply {
        case .added(let member): return ImageMembership(image: image.id, project: project, member: member)
        case .exists where isRepeat: return try await member(project, of: id, for: caller)
        case .exists:
            throw CatalogError.conflict("Image \(image.id) is shared with project '\(project.prefix(64))' already.")
        case .full: throw CatalogError.tooMuch("An image has at most \(Self.maxMembers) members.")
        case .notShared(let visibility):
            var image = image
            image.visibility = visibility
            throw CatalogError.forbidden(notShared(image))
        case .noImage: throw CatalogError.noImage(id)
        }
    }

    /// Writes down a project's answer; only the project itself, or an administrator, can give it.
    package func answer(
        _ answer: MemberStatus, of project: String, to id: String, by caller: Caller
    ) async throws -> ImageMembership {
        let image = try await image(id, for: caller)
        guard image.visibility == .shared else { throw CatalogError.forbidden(notShared(image)) }
        guard image.members[project] != nil, caller.controls(image) || project == caller.project else {
            throw noMember(project, of: id)
        }
        guard caller.may(.modifyMember, image, sharedWith: project) else {
            throw caller.refusal(.modifyMember, to: "answer for project '\(project.prefix(64))'")
        }
        switch try await insist({ try await store.answer(answer, of: project, to: image.id) }).answer {
        case .answered(let member): return ImageMembership(image: image.id, project: project, member: member)
        case .noMember: throw noMember(project, of: id)
        case .noImage: throw CatalogError.noImage(id)
        }
    }

    package func removeMember(_ project: String, from id: String, by caller: Caller) async throws {
        let image = try await image(id, changedBy: caller, action: .deleteMember, verb: "stop sharing")
        guard image.visibility == .shared else { throw CatalogError.forbidden(notShared(image)) }
        let (reply, isRepeat) = try await insist { try await store.removeMember(project, from: image.id) }
        switch reply {
        case .removed: return
        case .noMember where isRepeat: return
        case .noMember: throw noMember(project, of: id)
        case .noImage: throw CatalogError.noImage(id)
        }
    }

    private func notShared(_ image: ImageRecord) -> String {
        "Only shared images have members; image \(image.id) is \(image.visibility.rawValue)."
    }

    private func noMember(_ project: String, of id: String) -> CatalogError {
        .notFound("Project '\(project.prefix(64))' is not a member of image \(id.prefix(64)).")
    }
}
