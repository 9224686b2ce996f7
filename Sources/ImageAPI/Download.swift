import HTTPTypes
import Hummingbird
import ImageCatalog
import ImageStorage
import ImportModel
import ImportPipeline
import Logging
import NIOCore

/// `GET /v2/images/{id}/file`.
struct Download: Sendable {
    let catalog: Catalog
    let shelf: StoreShelf
    /// How long a store is waited for that gives nothing.
    let stall: Duration
    let slots: DownloadSlots

    @Sendable func respond(to request: Request, _ context: APIContext) async throws -> Response {
        let image = try await catalog.image(context.part("id"), for: context.caller)
        guard context.caller.may(.downloadImage, image) else {
            throw context.caller.refusal(.downloadImage, to: "download image \(image.id)")
        }
        guard image.status != .deactivated || context.caller.isAdmin else {
            throw APIError(.forbidden, "Image \(image.id) is deactivated.")
        }
        let preferred = try preferredStores(try request.query)
        guard !image.locations.isEmpty, let size = image.sizeBytes else { return .noContent }
        var headers: HTTPFields = [.contentType: "application/octet-stream"]
        switch try range(of: request, size: size) {
        case .unsatisfiable:
            throw APIError(
                .rangeNotSatisfiable, "The image has \(size) bytes.", headers: [.contentRange: "bytes */\(size)"])
        case .whole:
            if let md5 = image.digests?.md5 { headers[Header.contentMD5] = md5 }
            return try await stream(image, preferred, 0..<size, headers, status: .ok, context)
        case .part(let part):
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
            return try await stream(image, preferred, part, headers, status: .partialContent, context)
        }
    }

    private func range(of request: Request, size: Int64) throws(APIError) -> ByteRange.Request {
        if let header = request.headers[.range] { return try ByteRange.parse(header, size: size) }
        if let header = request.headers[.contentRange] {
            return try ByteRange.parse(contentRange: header, size: size)
        }
        return .whole
    }

    /// The stores that the client would have the data read from first.
    private func preferredStores(_ query: [(name: String, value: String)]) throws(APIError) -> [StoreID] {
        var stores: [StoreID] = []
        for (name, value) in query where name == "prefer" {
            for item in value.split(separator: ",") {
                guard let store = shelf.known(String(item)) else {
                    throw APIError(.badRequest, "Store '\(item.prefix(64))' of 'prefer' is not known.")
                }
                if !stores.contains(store) { stores.append(store) }
            }
        }
        return stores
    }

    private func stream(
        _ image: ImageRecord, _ preferred: [StoreID], _ range: Range<Int64>, _ headers: HTTPFields,
        status: HTTPResponse.Status, _ context: APIContext
    ) async throws -> Response {
        let logger = context.logger
        let about: Logger.Metadata = ["request_id": "\(context.requestID)", "image": "\(image.id)"]
        let places = places(of: image, preferred)
        let stored = StoredImage(places: places, sizeBytes: image.sizeBytes ?? 0, range: range, stall: stall) { error in
            logger.warning("a store cannot give an image", metadata: about.merging(["cause": "\(error)"]) { $1 })
        }
        let iterator = stored.makeAsyncIterator()
        // Opened and read before the head goes out: until then the next store, or an error, is no broken answer.
        let (first, rest) = try await begin(iterator, isThere: !places.isEmpty, image)
        // Not before: a store that hangs would take the places of those that read from others.
        guard let slot = slots.take(for: context.caller.project) else {
            throw APIError(
                .serviceUnavailable,
                "As many downloads are under way as this service serves at once; try again later.",
                headers: [.retryAfter: "5"])
        }
        let content = ResponseBody(contentLength: range.count) { writer in
            var (next, rest) = (first, rest)
            do {
                while let block = next {
                    try await writer.write(block)
                    try await context.keepUp()
                    next = try await rest.next()
                }
            } catch let error as StorageError {
                // The head is out: all that is left is to break the connection, so that the client sees it.
                logger.error("download broke off", metadata: about.merging(["cause": "\(error)"]) { $1 })
                throw error
            }
            withExtendedLifetime(slot) {}
            try await writer.finish(nil)
        }
        return Response(status: status, headers: headers, body: content)
    }

    private func begin(
        _ iterator: StoredImage.AsyncIterator, isThere: Bool, _ image: ImageRecord
    ) async throws -> (ByteBuffer?, StoredImage.AsyncIterator) {
        var iterator = iterator
        var failure: StorageError?
        if isThere {
            do { return (try await iterator.next(), iterator) } catch let error as StorageError { failure = error }
        }
        throw APIError(
            .serviceUnavailable, "No store can give the data of image \(image.id) right now; try again later.",
            headers: [.retryAfter: "5"], cause: failure)
    }

    /// Those that are preferred first.
    private func places(of image: ImageRecord, _ preferred: [StoreID]) -> [StoredImage.Place] {
        let order = preferred + shelf.order.sorted(image.locations.keys.filter { !preferred.contains($0) })
        return order.compactMap { store in
            image.locations[store].flatMap { ObjectKey($0) }.flatMap { key in
                shelf.storage(store).map { StoredImage.Place(storage: $0, key: key) }
            }
        }
    }
}
