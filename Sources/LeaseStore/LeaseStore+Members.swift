package import ImportModel

package enum MemberAddReply: Hashable, Sendable {
    case added(ImageMember)
    case exists, full, noImage
    /// Only a shared image has members.
    case notShared(Visibility)
}

package enum MemberAnswerReply: Hashable, Sendable {
    case answered(ImageMember)
    case noMember, noImage
}

package enum MemberRemoveReply: Hashable, Sendable {
    case removed, noMember, noImage
}

extension LeaseStore {
    /// Shares an image with a project.
    /// - Parameter limit: how many members an image may have.
    package func addMember(_ project: String, to id: ImageID, limit: Int) async throws -> MemberAddReply {
        let reply = try await call(Scripts.memberAdd, [id.rawValue, project, limit])
        switch reply.word {
        case "added":
            let now = try reply.int(0)
            return .added(ImageMember(status: .pending, createdAtMs: now, updatedAtMs: now))
        case "exists": return .exists
        case "full": return .full
        case "no-image": return .noImage
        case "not-shared":
            guard let visibility = Visibility(rawValue: try reply.string(0)) else {
                throw reply.malformed("an unknown visibility")
            }
            return .notShared(visibility)
        default: throw reply.unknown
        }
    }

    /// Writes down what a project says to an image that is shared with it.
    package func answer(_ status: MemberStatus, of project: String, to id: ImageID) async throws -> MemberAnswerReply {
        let reply = try await call(Scripts.memberAnswer, [id.rawValue, project, status.rawValue])
        switch reply.word {
        case "answered":
            return .answered(
                ImageMember(status: status, createdAtMs: try reply.int(0), updatedAtMs: try reply.int(1)))
        case "no-member": return .noMember
        case "no-image": return .noImage
        default: throw reply.unknown
        }
    }

    /// Shares an image with a project no longer. Durable once it returns.
    package func removeMember(_ project: String, from id: ImageID) async throws -> MemberRemoveReply {
        let reply = try await call(Scripts.memberRemove, [id.rawValue, project], isDurable: true)
        switch reply.word {
        case "removed": return .removed
        case "no-member": return .noMember
        case "no-image": return .noImage
        default: throw reply.unknown
        }
    }
}
