import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel
import LeaseStore

/// The bytes of images: `PUT file`, `PUT stage`, and the routes of downloads.
struct DataController: Sendable {
    let catalog: Catalog
    let shelf: StoreShelf
    let uploads: any UploadRunner
    let maxUploadBytes: Int64
    let stall: Duration
    let slots: DownloadSlots
    /// Whether what is staged could be imported.
    let canStage: Bool

    func add(to routes: inout RouteTable) {
        let download = Download(catalog: catalog, shelf: shelf, stall: stall, slots: slots)
        routes.get("/v2/images/:id/file", download.respond)
        routes.on(.put, "/v2/images/:id/file", takesBody: true) { request, context in
            let header = request.headers[Header.store]
            guard let store = header.map(shelf.known) ?? shelf.defaultStore else {
                throw APIError(.badRequest, "Store '\(header?.prefix(64) ?? "")' of X-Image-Meta-Store is not known.")
            }
            guard !shelf.isReadOnly(store) else {
                throw APIError(.gone, "Store '\(store)' is read-only; upload the image into another one.")
            }
            return try await put(.upload, to: store, request, context)
        }
        routes.on(.put, "/v2/images/:id/stage", takesBody: true) { request, context in
            guard canStage else {
                throw APIError(.notFound, "This service imports no staged data: it has no import method glance-direct.")
            }
            return try await put(.stage, to: shelf.stagingStore, request, context)
        }
    }

    private func put(
        _ kind: TaskKind, to store: StoreID, _ request: Request, _ context: APIContext
    ) async throws -> Response {
        guard request.headers[.contentType]?.lowercased() == "application/octet-stream" else {
            throw APIError(.unsupportedMediaType, "Send the data as application/octet-stream.")
        }
        let size = try announcedSize(request)
        let image = try await catalog.image(
            context.part("id"), changedBy: context.caller, action: kind == .stage ? .modifyImage : .uploadImage,
            verb: kind == .stage ? "stage data for" : "upload data of")
        try checkState(of: image, for: kind)
        if let size, size > maxUploadBytes {
            throw APIError(.contentTooLarge, "An image may have at most \(maxUploadBytes) bytes.")
        }
        let task = NewTask(
            id: context.ownID, image: image.id,
            request: ImportRequest(method: nil, stores: [store], trace: context.trace),
            owner: context.caller.project, requestID: context.requestID, sourceBytes: size)
        let body = MeasuredBody(base: request.body, expectedBytes: size, maxBytes: maxUploadBytes)
        defer { context.trail.note { $0.received = body.gauge.received } }
        try await context.askForBody(of: request)
        let result = try await uploads.run(
            kind: kind, image: image, task: task, store: store, body: body, expectedBytes: size)
        if let refusal = refusal(result, fault: body.gauge.fault, image: image, kind: kind) { throw refusal }
        return .noContent
    }

    /// The size of the data, by the two headers that may tell it.
    private func announcedSize(_ request: Request) throws -> Int64? {
        func size(_ name: HTTPField.Name) throws -> Int64? {
            guard let text = request.headers[name] else { return nil }
            guard let size = Int64(text), size >= 0 else {
                throw APIError(.badRequest, "\(name.rawName) must be the number of bytes that are sent.")
            }
            return size
        }
        let (length, named) = (try size(.contentLength), try size(Header.imageSize))
        if let length, let named, length != named {
            throw APIError(.badRequest, "x-openstack-image-size says \(named) bytes, and Content-Length \(length).")
        }
        return named ?? length
    }

    /// While the image is locked, only the script can tell whether the holder may be replaced.
    private func checkState(of image: ImageRecord, for kind: TaskKind) throws {
        let what = kind == .stage ? "staging" : "an upload"
        if image.lockedBy == nil, image.status != .queued {
            throw APIError(
                refusal: .wrongStatus(image.status), image: image.id, wanted: .queued, what: what)
        }
        guard kind == .stage || (image.diskFormat != nil && image.containerFormat != nil) else { throw noFormats }
    }

    private var noFormats: APIError {
        APIError(.badRequest, "'disk_format' and 'container_format' must be set before data is uploaded; PATCH them.")
    }

    private func refusal(
        _ result: UploadResult, fault: UploadFailure?, image: ImageRecord, kind: TaskKind
    ) -> APIError? {
        switch result {
        case .published: return nil
        case .refused(.noFormat): return noFormats
        case .refused(let reply):
            return APIError(
                refusal: reply, image: image.id, wanted: .queued, what: kind == .stage ? "staging" : "an upload")
        case .failed(let failure):
            // What the body itself ran into is nearer to the truth than how it looked from behind it.
            let failure = fault ?? failure
            let status: HTTPResponse.Status =
                switch failure.kind {
                case .tooLarge, .storeFull: .contentTooLarge
                case .formatRefused: .unsupportedMediaType
                case .interrupted, .clientGone: .badRequest
                case .unavailable: .serviceUnavailable
                }
            return APIError(status, "The data was not stored: \(failure.reason).", cause: failure)
        case .lost(let lost):
            let isGone = lost.why == .ended(.imageDeleted)
            return APIError(isGone ? .gone : .conflict, "The data was not stored: \(lost).", cause: lost)
        }
    }
}
