import AsyncHTTPClient
import Foundation
package import ImportModel
package import NIOCore
import NIOHTTP1

/// The Image API.
extension ServiceClient {
    package func createImage(_ draft: ImageDraft) async throws -> ImageDocument {
        let response = try await send(
            .POST, "/v2/images", headers: Self.jsonBody, body: try Self.body(draft.json), expect: [201])
        return try await decode(response)
    }

    package func image(_ id: ImageID) async throws -> ImageDocument {
        try await decode(try await send(.GET, "/v2/images/\(id)", expect: [200]))
    }

    /// Up to `limit` images that match the filters, newest first, over as many pages as that takes.
    package func images(filters: [(String, String)] = [], limit: Int) async throws -> [ImageDocument] {
        struct Page: Decodable {
            var images: [ImageDocument]
            var next: String?
        }
        var found: [ImageDocument] = []
        while found.count < limit {
            var query = filters + [("limit", String(min(limit - found.count, 1000)))]
            if let last = found.last { query.append(("marker", last.id.rawValue)) }
            let page: Page = try await decode(try await send(.GET, "/v2/images", query: query, expect: [200]))
            found += page.images
            if page.images.isEmpty || page.next == nil { break }
        }
        return found
    }

    /// The image with this id or, if there is exactly one, with this name.
    package func image(idOrName text: String) async throws -> ImageDocument {
        if let id = ImageID(rawValue: text) { return try await image(id) }
        // With a colon in it the name could be read as an operator (`in:a,b`).
        let value = text.contains(":") ? "eq:\(text)" : text
        let found = try await images(filters: [("name", value)], limit: 10)
        guard let first = found.first else {
            throw ServiceError.refused(
                status: 404, message: "no image is named '\(SafeText.line(text))'; 'longshore images' lists them")
        }
        guard found.count == 1 else {
            let ids = found.map(\.id.rawValue).joined(separator: ", ")
            throw ServiceError.refused(
                status: 409, message: "'\(SafeText.line(text))' is the name of several images; give an id: \(ids)")
        }
        return first
    }

    package func deleteImage(_ id: ImageID) async throws {
        let response = try await send(.DELETE, "/v2/images/\(id)", expect: [204])
        _ = try await collect(response)
    }

    /// Uploads bytes for a `glance-direct` import.
    package func stage<Bytes: AsyncSequence & Sendable>(
        _ id: ImageID, bytes: Bytes, count: Int64
    ) async throws where Bytes.Element == ByteBuffer {
        let headers = [("Content-Type", "application/octet-stream"), ("x-openstack-image-size", String(count))]
        // An upload takes as long as it takes; the connection's own read time-out guards the wait for the answer.
        let response = try await send(
            .PUT, "/v2/images/\(id)/stage", headers: headers, body: .stream(bytes, length: .known(count)),
            timeout: .hours(7 * 24), expect: [204])
        _ = try await collect(response)
    }

    /// Asks for the import of `id`; the answer is the task that does it.
    package func startImport(_ id: ImageID, _ order: ImportOrder) async throws -> TaskID {
        guard let task = try await acceptedTask(id, order) else {
            throw ServiceError.unexpectedAnswer("the import of image \(id) was accepted, but its task was not named")
        }
        return task
    }

    /// Asks for copies of an active image; `nil` where it was to be copied to all stores and is in all of them.
    package func startCopy(_ id: ImageID, _ order: ImportOrder) async throws -> TaskID? {
        var order = order
        order.isCopy = true
        return try await acceptedTask(id, order)
    }

    private func acceptedTask(_ id: ImageID, _ order: ImportOrder) async throws -> TaskID? {
        let response = try await send(
            .POST, "/v2/images/\(id)/import", headers: Self.jsonBody, body: try Self.body(order.json), expect: [202])
        let task = response.headers.first(name: "X-Longshore-Task")
        _ = try await collect(response)
        return task.flatMap(TaskID.init(rawValue:))
    }

    /// Hands out the bytes of an image as they come.
    ///
    /// - Parameter onStart: is told their announced number before the first of them.
    /// - Throws: `ServiceError.unreachable` also when the bytes end before all have come.
    package func download(
        _ id: ImageID, onStart: (Int64?) async throws -> Void = { _ in },
        onPiece: (ByteBuffer) async throws -> Void
    ) async throws {
        let headers = [("Accept", "application/octet-stream, application/json")]
        let response = try await send(.GET, "/v2/images/\(id)/file", headers: headers, expect: [200, 204])
        guard response.status == .ok else {
            throw ServiceError.refused(status: 204, message: "image \(id) has no data yet")
        }
        try await onStart(response.headers.first(name: "Content-Length").flatMap { Int64($0) })
        try await read(response, onPiece: onPiece)
    }

    private static let jsonBody = [("Content-Type", "application/json")]

    private static func body(_ json: JSONValue) throws -> HTTPClientRequest.Body {
        .bytes(ByteBuffer(bytes: try JSONEncoder().encode(json)))
    }

    private func decode<Answer: Decodable>(_ response: HTTPClientResponse) async throws -> Answer {
        let body = try await collect(response)
        do {
            return try JSONDecoder().decode(Answer.self, from: body)
        } catch {
            throw ServiceError.unexpectedAnswer("the Image API's answer could not be understood")
        }
    }
}
