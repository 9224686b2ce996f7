package import ImportModel

/// That an image is shared with a project, as the Image API shows it.
package struct ImageMembership: Hashable, Sendable {
    let image: ImageID
    let project: String
    let member: ImageMember

    package var json: JSON {
        .object([
            "member_id": .string(project),
            "image_id": .string(image.rawValue),
            "status": .string(member.status.rawValue),
            "created_at": .string(APITime.text(member.createdAtMs)),
            "updated_at": .string(APITime.text(member.updatedAtMs)),
            "schema": .string("/v2/schemas/member"),
        ])
    }

    package static func list(_ memberships: [ImageMembership]) -> JSON {
        .object(["members": .array(memberships.map(\.json)), "schema": .string("/v2/schemas/members")])
    }

    /// The project that the body of `POST members` names.
    package static func project(in body: JSON) throws(CatalogError) -> String {
        guard let project = try value("member", in: body), !project.isEmpty,
            project.unicodeScalars.count <= ImageAttribute.maxNameLength
        else {
            throw .invalid("'member' must be the id of a project, a string of 1 to 255 characters.")
        }
        return project
    }

    /// What the body of `PUT members/{member}` says to an image.
    package static func answer(in body: JSON) throws(CatalogError) -> MemberStatus {
        guard let answer = try value("status", in: body).flatMap(MemberStatus.init(rawValue:)) else {
            let known = MemberStatus.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("'status' must be one of \(known).")
        }
        return answer
    }

    private static func value(_ name: String, in body: JSON) throws(CatalogError) -> String? {
        guard let members = body.object else { throw .invalid("The body must be a JSON object with '\(name)'.") }
        return members[name]?.string
    }
}
