import Hummingbird
import ImageCatalog
import ImportModel
import LeaseStore

/// Where the bytes of an image came from and what they were found to be: of the fleet API, since the Image API has no place for it that clients would
/// not take for a property of their own and copy to other images.
struct ProvenanceController: Sendable {
    let catalog: Catalog
    let store: LeaseStore

    func add(to routes: inout RouteTable) {
        routes.get("/longshore/v1/images/:id/provenance") { _, context in
            let image = try await image(context)
            guard let provenance = try await store.provenance(of: image) else {
                throw APIError(.notFound, "Image \(image) has no provenance: nothing was fetched for it from a URL.")
            }
            return try .fleet(provenance)
        }
        routes.get("/longshore/v1/images/:id/verdict") { _, context in
            let image = try await image(context)
            guard let verdict = try await store.verdict(of: image) else {
                throw APIError(.notFound, "Image \(image) has no verdict: it has no data as yet.")
            }
            return try .fleet(verdict)
        }
    }

    private func image(_ context: APIContext) async throws -> ImageID {
        let image = try await image(context.part("id"), for: context.caller)
        guard context.caller.may(.fleetGetProvenance, image) else {
            throw context.caller.refusal(.fleetGetProvenance, to: "see where image \(image.id) came from")
        }
        return image.id
    }

    private func image(_ id: String, for caller: Caller) async throws -> ImageRecord {
        guard caller.isSystemAdmin else { return try await catalog.image(id, for: caller) }
        guard let known = ImageID(rawValue: id), let image = try await store.image(known) else {
            throw CatalogError.noImage(id)
        }
        return image
    }
}
