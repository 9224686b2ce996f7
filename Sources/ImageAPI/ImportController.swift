import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel
import LeaseStore
import Logging
import WebSource

/// `POST /v2/images/{id}/import`: everything about the request is checked, and only then the image's lock is asked for.
struct ImportController: Sendable {
    let catalog: Catalog
    let store: LeaseStore
    let shelf: StoreShelf
    let methods: [ImportMethod]
    let sources: SourcePolicy
    /// Names that requests may use.
    let keyrings: Set<String>
    let injection: MetadataInjection
    let patience: Duration

    func add(to routes: inout RouteTable) {
        routes.on(.post, "/v2/images/:id/import", takesBody: true, importImage)
    }

    @Sendable private func importImage(_ request: Request, _ context: APIContext) async throws -> Response {
        let order = try ImportOrder(try await RequestBodies.json(of: request, context), methods: methods)
        let image = try await catalog.image(context.part("id"), for: context.caller)
        try checkState(of: image, for: order)
        let action: PolicyAction = order.method == .copyImage ? .copyImage : .modifyImage
        guard context.caller.may(action, image) else {
            throw context.caller.refusal(
                action, to: "\(order.method == .copyImage ? "copy" : "import") image \(image.id)")
        }
        let stores = try stores(for: order, of: image, header: request.headers[Header.store])
        // Every store has the image that is to be copied to all: nothing is to be done.
        if stores.isEmpty { return Self.accepted([:]) }
        if let uri = order.uri { try check(uri, "URI for web-download") }
        if let publisher = order.extras.publisher { try check(publisher) }
        let task = NewTask(
            id: context.requestID == TaskRecord.requestID(of: context.ownID) ? context.ownID : .random(),
            image: image.id,
            request: ImportRequest(
                method: order.method, uri: order.uri, stores: stores,
                allStoresMustSucceed: order.allStoresMustSucceed, checksum: order.extras.checksum,
                publisher: order.extras.publisher, user: context.caller.user,
                injected: order.method == .copyImage ? [:] : injection.properties(for: context.caller.roles),
                trace: context.trace),
            owner: context.caller.project, priority: order.extras.priority, requestID: context.requestID,
            sourceBytes: order.method.sourceBytes(of: image))
        try await ImportStart(store: store, patience: patience).begin(task, wanted: order.method.requiredStatus)
        context.logger.info(
            "import accepted",
            metadata: ["request_id": "\(context.requestID)", "image": "\(image.id)", "task": "\(task.id)"])
        return Self.accepted([Header.task: task.id.rawValue])
    }

    private static func accepted(_ headers: HTTPFields) -> Response {
        var headers = headers
        headers[.contentType] = "text/html; charset=UTF-8"
        return Response(status: .accepted, headers: headers)
    }

    /// While the image is locked its status is the running task's; whether that one may be replaced only the script
    /// can tell, which also repeats these checks on what is true at its moment.
    private func checkState(of image: ImageRecord, for order: ImportOrder) throws {
        let wanted = order.method.requiredStatus
        if image.lockedBy == nil, image.status != wanted {
            throw APIError(
                refusal: .wrongStatus(image.status), image: image.id, wanted: wanted, what: order.method.rawValue)
        }
        guard image.diskFormat != nil, image.containerFormat != nil else {
            throw APIError(refusal: .noFormat, image: image.id, wanted: wanted, what: order.method.rawValue)
        }
    }

    /// Where the bytes shall go. A copy goes where the image is not: of all stores to the others, and to those that are
    /// named only if it is in none of them.
    private func stores(for order: ImportOrder, of image: ImageRecord, header: String?) throws -> [StoreID] {
        let named = try stores(for: order, header: header)
        guard order.method == .copyImage else { return named }
        if order.allStores { return named.filter { image.locations[$0] == nil } }
        if let store = named.first(where: { image.locations[$0] != nil }) {
            throw APIError(refusal: .stored(store), image: image.id, wanted: .active, what: order.method.rawValue)
        }
        return named
    }

    private func stores(for order: ImportOrder, header: String?) throws -> [StoreID] {
        if order.allStores {
            guard order.stores.isEmpty, header == nil else {
                throw APIError(.badRequest, "'all_stores' cannot be used together with 'stores' or X-Image-Meta-Store.")
            }
            return shelf.openIDs
        }
        guard order.stores.isEmpty || header == nil else {
            throw APIError(.badRequest, "'stores' cannot be used together with X-Image-Meta-Store.")
        }
        let names = order.stores.isEmpty ? [header ?? shelf.defaultStore.rawValue] : order.stores
        return try names.map { name in
            guard let id = shelf.known(name) else {
                let ids = shelf.ids.map(\.rawValue).joined(separator: ", ")
                throw APIError(.conflict, "Store '\(name.prefix(64))' is not known; there are \(ids).")
            }
            guard !shelf.isReadOnly(id) else {
                let ids = shelf.openIDs.map(\.rawValue).joined(separator: ", ")
                throw APIError(.conflict, "Store '\(id)' is read-only; images can be put into \(ids).")
            }
            return id
        }
    }

    private func check(_ publisher: PublisherChecksum) throws {
        try check(publisher.url, "checksum_url")
        if let url = publisher.signatureURL { try check(url, "signature_url") }
        guard let keyring = publisher.keyring, !keyrings.contains(keyring) else { return }
        let known = keyrings.isEmpty ? "none is configured" : "there are \(keyrings.sorted().joined(separator: ", "))"
        throw APIError(.badRequest, "Keyring '\(keyring.prefix(64))' is not known; \(known).")
    }

    private func check(_ uri: String, _ what: String) throws {
        do {
            try sources.check(uri)
        } catch {
            throw APIError(.badRequest, "\(what) does not pass filtering: \(error.message)")
        }
        let authority = uri.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        // The queue is no place for secrets, and what is in it can be read by whoever looks after the fleet.
        guard !authority.contains("@") else {
            throw APIError(
                .badRequest,
                "\(what) does not pass filtering: \(redact(uri)): credentials in URLs are not accepted; "
                    + "serve the image without, or stage it."
            )
        }
    }
}
