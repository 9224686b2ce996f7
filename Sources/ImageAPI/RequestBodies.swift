import HTTPTypes
import Hummingbird
import ImageCatalog
import NIOCore

/// Bodies of requests that are read whole.
enum RequestBodies {
    static let maxBytes = 1 << 20

    /// Whether something follows the head.
    static func isAnnounced(by request: Request) -> Bool {
        if request.headers[.transferEncoding] != nil { return true }
        return (request.headers[.contentLength].flatMap { Int64($0) } ?? 0) > 0
    }

    /// - Throws: `APIError` for what is too long, empty or no JSON.
    static func json(of request: Request, _ context: APIContext) async throws -> JSON {
        guard isAnnounced(by: request) else { throw APIError(.badRequest, "A JSON body is required.") }
        if let length = request.headers[.contentLength].flatMap({ Int64($0) }), length > maxBytes { throw tooLong }
        try await context.askForBody(of: request)
        let buffer: ByteBuffer
        do {
            buffer = try await request.body.collect(upTo: maxBytes)
        } catch is NIOTooManyBytesError {
            throw tooLong
        } catch let error as CancellationError {
            throw error
        } catch {
            throw APIError(.badRequest, "The body broke off or is not well formed.")
        }
        do {
            return try JSONParser.parse(Array(buffer.readableBytesView))
        } catch {
            throw APIError(.badRequest, "Malformed JSON in request body: \(error).")
        }
    }

    private static var tooLong: APIError {
        APIError(.contentTooLarge, "The body of this request may have at most \(maxBytes) bytes.")
    }
}

extension Request {
    /// The parameters of the query, decoded.
    /// - Throws: `APIError` for a broken escape.
    var query: [(name: String, value: String)] {
        get throws {
            guard let parameters = PercentCoding.parameters(uri.query ?? "") else {
                throw APIError(.badRequest, "The query of the URL is not well formed.")
            }
            return parameters
        }
    }
}
