import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel
import NIOCore

/// Images: create, show, list, change, delete; single tags; taking out of service.
struct ImagesController: Sendable {
    let catalog: Catalog
    let address: ServiceAddress
    let shelf: StoreShelf
    let methods: [ImportMethod]

    func add(to routes: inout RouteTable) {
        routes.on(.post, "/v2/images", takesBody: true, create)
        routes.get("/v2/images", list)
        routes.get("/v2/images/:id") { _, context in
            .json(ImageDocument(try await catalog.image(context.part("id"), for: context.caller), shelf.order).json)
        }
        routes.on(.patch, "/v2/images/:id", takesBody: true, patch)
        routes.on(.delete, "/v2/images/:id") { _, context in
            try await catalog.delete(context.part("id"), by: context.caller)
            return .noContent
        }
        routes.on(.delete, "/v2/stores/:store/:id") { _, context in
            try await deleteFromStore(context)
            return .noContent
        }
        routes.on(.put, "/v2/images/:id/tags/:tag") { _, context in
            try await catalog.addTag(try context.decoded("tag"), to: context.part("id"), by: context.caller)
            return .noContent
        }
        routes.on(.delete, "/v2/images/:id/tags/:tag") { _, context in
            try await catalog.removeTag(try context.decoded("tag"), from: context.part("id"), by: context.caller)
            return .noContent
        }
        routes.on(.post, "/v2/images/:id/actions/deactivate") { _, context in
            try await catalog.deactivate(context.part("id"), by: context.caller)
            return .noContent
        }
        routes.on(.post, "/v2/images/:id/actions/reactivate") { _, context in
            try await catalog.reactivate(context.part("id"), by: context.caller)
            return .noContent
        }
    }

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await RequestBodies.json(of: request, context)
        let image = try await catalog.create(body, by: context.caller)
        return .json(
            ImageDocument(image, shelf.order).json, status: .created,
            headers: [
                .location: "\(address.base(for: request))/v2/images/\(image.id)",
                Header.importMethods: methods.map(\.rawValue).joined(separator: ","),
                Header.storeIDs: shelf.openIDs.map(\.rawValue).joined(separator: ","),
            ])
    }

    private func deleteFromStore(_ context: APIContext) async throws {
        let (name, id) = (context.part("store"), context.part("id"))
        let image = try await catalog.image(id, for: context.caller)
        guard context.caller.may(.deleteImageLocation, image) else {
            throw context.caller.refusal(.deleteImageLocation, to: "delete image \(image.id) from a store")
        }
        guard let store = shelf.known(name) else {
            let ids = shelf.ids.map(\.rawValue).joined(separator: ", ")
            throw APIError(.conflict, "Store '\(name.prefix(64))' is not known; there are \(ids).")
        }
        guard !shelf.isReadOnly(store) else {
            throw APIError(.forbidden, "Store '\(store)' is read-only; nothing is deleted there.")
        }
        try await catalog.delete(image, from: store)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let page = try await catalog.list(try ImageQuery(try request.query), for: context.caller)
        let document = page.document
        // An answer begins when its first images are there, so that what goes wrong until then has its own status.
        let images = try await page.images(0..<Self.part)
        let start = document.beginning + document.part(images, isFirst: true, shelf.order)
        if page.ids.count <= Self.part { return .json(start + document.end) }
        let body = ResponseBody { writer in
            try await writer.write(ByteBuffer(bytes: start))
            var isFirst = images.isEmpty
            for index in stride(from: Self.part, to: page.ids.count, by: Self.part) {
                let images = try await page.images(index..<(index + Self.part))
                try await writer.write(ByteBuffer(bytes: document.part(images, isFirst: isFirst, shelf.order)))
                isFirst = isFirst && images.isEmpty
            }
            try await writer.write(ByteBuffer(bytes: document.end))
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/json"], body: body)
    }

    /// How many images of a list are in memory at once.
    private static let part = 50

    @Sendable private func patch(_ request: Request, _ context: APIContext) async throws -> Response {
        let mediaType = request.headers[.contentType]?.prefix { $0 != ";" && $0 != " " } ?? ""
        // The media type decides how the body is read, so it is checked before the body is looked at.
        guard [ImagePatch.mediaType, ImagePatch.olderMediaType].contains(mediaType.lowercased()) else {
            throw CatalogError.unsupportedMediaType(
                "Send the patch as \(ImagePatch.mediaType) or \(ImagePatch.olderMediaType).")
        }
        let patch = try ImagePatch(
            mediaType: String(mediaType), body: try await RequestBodies.json(of: request, context))
        let image = try await catalog.patch(context.part("id"), patch, by: context.caller)
        return .json(ImageDocument(image, shelf.order).json)
    }
}
