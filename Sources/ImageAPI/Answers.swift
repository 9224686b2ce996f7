import Foundation
import HTTPTypes
import Hummingbird
import ImageCatalog
import ImportModel
import NIOCore

extension Response {
    static func json(_ json: JSON, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        .bytes(json.encoded(), type: "application/json", status: status, headers: headers)
    }

    /// - Parameter encoded: a JSON document.
    static func json(_ encoded: [UInt8]) -> Response { .bytes(encoded, type: "application/json", status: .ok) }

    /// In the form of the fleet API.
    static func fleet(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        .bytes(Array(try FleetJSON.encode(value)), type: "application/json", status: status)
    }

    static func text(
        _ text: String, type: String = "text/plain; charset=utf-8", status: HTTPResponse.Status = .ok
    ) -> Response {
        .bytes(Array(text.utf8), type: type, status: status)
    }

    static let noContent = Response(status: .noContent)

    private static func bytes(
        _ bytes: [UInt8], type: String, status: HTTPResponse.Status, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = type
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
