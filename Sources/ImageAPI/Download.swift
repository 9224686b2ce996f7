import HTTPTypes
import Hummingbird
import ImageCatalog
import ImageStorage
import ImportModel
import ImportPipeline
import Logging

/// `GET /v2/images/{id}/file`.
struct Download: Sendable {
    let catalog: Catalog
    let shelf: StoreShelf
    /// How long a store is waited for that gives nothing.
    let stall: Duration

    /// How long a store is waited for while another one has the image as well.
    private static let firstChance: Duration = .seconds(10)

    @Sendable func respond(to request: Request, _ context: APIContext) async throws -> Response {
        let image = try await catalog.image(context.part("id"), for: context.caller)
        guard context.caller.may(.downloadImage, image) else {
            throw context.caller.refusal(.downloadImage, to: "download image \(image.id)")
        }
        guard image.status != .deactivated || context.caller.isAdmin else {
            throw APIError(.forbidden, "Image \(image.id) is deactivated.")
        }
        guard !image.locations.isEmpty, let size = image.sizeBytes else { return .noContent }
        var headers: HTTPFields = [.contentType: "application/octet-stream"]
        switch try range(of: request, size: size) {
        case .unsatisfiable:
            throw APIError(
                .rangeNotSatisfiable, "The image has \(size) bytes.", headers: [.contentRange: "bytes */\(size)"])
        case .whole:
            if let md5 = image.digests?.md5 { headers[Header.contentMD5] = md5 }
            return try await stream(image, 0..<size, headers, status: .ok, context)
        case .part(let part):
            headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
            return try await stream(image, part, headers, status: .partialContent, context)
        }
    }

    private func range(of request: Request, size: Int64) throws(APIError) -> ByteRange.Request {
        if let header = request.headers[.range] { return try ByteRange.parse(header, size: size) }
        if let header = request.headers[.contentRange] {
            return try ByteRange.parse(contentRange: header, size: size)
        }
        return .whole
    }

    private func stream(
        _ image: ImageRecord, _ range: Range<Int64>, _ headers: HTTPFields, status: HTTPResponse.Status,
        _ context: APIContext
    ) async throws -> Response {
        let body = try await open(image, range, context)
        // A store that has another size than the record is not delivered as if it were right.
        guard body.range == range, body.sizeBytes == image.sizeBytes else {
            throw APIError(
                .serviceUnavailable,
                "The stored data of image \(image.id) is not what was recorded; tell the operator.",
                cause: InvalidValue("a store has \(body.sizeBytes) bytes, the record \(image.sizeBytes ?? -1)"))
        }
        let content = ResponseBody(contentLength: Int(body.count)) { writer in
            do {
                for try await block in body {
                    try await writer.write(block)
                    try await context.keepUp()
                }
            } catch let error as StorageError {
                // The head is out: all that is left is to break the connection, so that the client sees it.
                context.logger.error(
                    "download broke off", metadata: ["request_id": "\(context.requestID)", "cause": "\(error)"])
                throw error
            }
            try await writer.finish(nil)
        }
        return Response(status: status, headers: headers, body: content)
    }

    /// Opens the data in the first store that can give it, the default one first.
    private func open(
        _ image: ImageRecord, _ range: Range<Int64>, _ context: APIContext
    ) async throws -> ObjectBody {
        let order = image.locations.keys.sorted { left, right in
            if left == shelf.defaultStore || right == shelf.defaultStore { return left == shelf.defaultStore }
            return left < right
        }
        let places = order.compactMap { store in
            image.locations[store].flatMap { ObjectKey($0) }.flatMap { key in
                shelf.storage(store).map { (storage: $0, key: key) }
            }
        }
        var failure: (any Error)?
        for (index, place) in places.enumerated() {
            let isLast = index == places.count - 1
            do {
                return try await open(
                    place.key, range, in: place.storage, isLast ? stall : min(stall, Self.firstChance))
            } catch {
                context.logger.warning(
                    "a store cannot give an image",
                    metadata: ["request_id": "\(context.requestID)", "image": "\(image.id)", "cause": "\(error)"])
                failure = error
            }
        }
        throw APIError(
            .serviceUnavailable, "No store can give the data of image \(image.id) right now; try again later.",
            headers: [.retryAfter: "5"], cause: failure)
    }

    /// - Parameter limit: for the opening; each block may take as long as `stall`.
    private func open(
        _ key: ObjectKey, _ range: Range<Int64>, in storage: any ImageStorage, _ limit: Duration
    ) async throws(StorageError) -> ObjectBody {
        let body = try await call(of: storage.id, "opening an object", within: limit) { () throws(StorageError) in
            try await storage.read(key, range: range)
        }
        return ObjectBody(sizeBytes: body.sizeBytes, range: body.range) { rest throws(StorageError) in
            try await call(of: storage.id, "reading a block", within: stall) { () throws(StorageError) in
                try await body.block(rest)
            }
        }
    }

    /// A call of a store that hangs is left behind: it changes nothing, and lets go of what it holds when it ends.
    private func call<Value: Sendable>(
        of store: StoreID, _ what: String, within limit: Duration,
        _ body: @escaping @Sendable () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let patience = StorePatience(stall: stall, mustAll: true) { _ in }
        switch await patience.wait(for: store, what, within: limit, body, cleaning: { _ in }) {
        case .ended(let result): return try result.get()
        case .leftBehind(let error): throw error
        }
    }
}
