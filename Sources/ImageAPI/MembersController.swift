import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel

/// Whom an image is shared with, and what they say to it.
struct MembersController: Sendable {
    let catalog: Catalog

    func add(to routes: inout RouteTable) {
        let (all, one) = ("/v2/images/:id/members", "/v2/images/:id/members/:member")
        routes.get(all) { _, context in
            .json(ImageMembership.list(try await catalog.members(of: context.part("id"), for: context.caller)))
        }
        routes.on(.post, all, takesBody: true) { request, context in
            let project = try ImageMembership.project(in: try await RequestBodies.json(of: request, context))
            return .json(try await catalog.addMember(project, to: context.part("id"), by: context.caller).json)
        }
        routes.get(one) { _, context in
            let project = try context.decoded("member")
            return .json(try await catalog.member(project, of: context.part("id"), for: context.caller).json)
        }
        routes.on(.put, one, takesBody: true) { request, context in
            let project = try context.decoded("member")
            let answer = try ImageMembership.answer(in: try await RequestBodies.json(of: request, context))
            let membership = try await catalog.answer(
                answer, of: project, to: context.part("id"), by: context.caller)
            return .json(membership.json)
        }
        routes.on(.delete, one) { _, context in
            let project = try context.decoded("member")
            try await catalog.removeMember(project, from: context.part("id"), by: context.caller)
            return .noContent
        }
    }
}
