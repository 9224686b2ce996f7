import Foundation
import ImageStorage
import ImportModel
import NIOHTTP1

extension S3Objects {
    struct Listed: Sendable {
        let name: String
        let sizeBytes: Int64
        let modified: Date?
    }

    struct Upload: Sendable {
        let name: String
        let id: String
        let initiated: Date?
    }

    /// One page of the objects whose names begin with `prefix`, by name; whether there are more.
    func objects(
        prefix: String, after name: String?, atMost count: Int = 1000
    ) async throws(S3CallFailure) -> (objects: [Listed], isTruncated: Bool) {
        var query = [("list-type", "2"), ("max-keys", String(count)), ("prefix", prefix)]
        if let name { query.append(("start-after", name)) }
        let xml = try await send(
            S3Request(action: "s3:ListBucket", method: .GET, query: query, root: "ListBucketResult")
        ).xml
        let objects = xml.all("Contents").compactMap { entry -> Listed? in
            guard let name = entry.value("Key"), let size = entry.value("Size").flatMap({ Int64($0) }) else {
                return nil
            }
            return Listed(name: name, sizeBytes: size, modified: Self.date(entry.value("LastModified")))
        }
        return (objects, xml.value("IsTruncated") == "true" && !objects.isEmpty)
    }

    /// One page of the uploads under `prefix` that are neither completed nor aborted; `next` is the last that it named.
    func uploads(
        prefix: String, after last: (name: String, id: String)?, atMost count: Int = 1000
    ) async throws(S3CallFailure) -> (uploads: [Upload], next: (name: String, id: String)?) {
        var query = [("max-uploads", String(count)), ("prefix", prefix), ("uploads", "")]
        if let last { query += [("key-marker", last.name), ("upload-id-marker", last.id)] }
        let xml = try await send(
            S3Request(
                action: "s3:ListBucketMultipartUploads", method: .GET, query: query, root: "ListMultipartUploadsResult")
        ).xml
        let uploads = xml.all("Upload").compactMap { entry -> Upload? in
            guard let name = entry.value("Key"), let id = entry.value("UploadId") else { return nil }
            return Upload(name: name, id: id, initiated: Self.date(entry.value("Initiated")))
        }
        guard xml.value("IsTruncated") == "true", let end = uploads.last else { return (uploads, nil) }
        let next = (xml.value("NextKeyMarker") ?? end.name, xml.value("NextUploadIdMarker") ?? end.id)
        // A service that does not move on must not keep us here.
        return (uploads, last.map { $0 == next } == true ? nil : next)
    }

    /// Aborts every upload of this very name but one.
    func abortUploads(of name: String, except kept: String? = nil) async throws(S3CallFailure) {
        var last: (name: String, id: String)?
        repeat {
            let page = try await uploads(prefix: name, after: last)
            for upload in page.uploads where upload.name == name && upload.id != kept {
                try await abort(upload.id, name)
            }
            last = page.next
        } while last != nil
    }

    private static func date(_ text: String?) -> Date? {
        guard let text else { return nil }
        let format = Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))
        // A date that cannot be read is the same as none.
        return try? Date(text, strategy: format)
    }
}
