import NIOHTTP1

/// Copies that the service makes by itself.
extension S3Objects {
    /// An object of the same service, as it was when its tag was read: one that has changed since is not copied.
    struct Original: Sendable {
        let bucket: String
        let name: String
        let etag: String?

        var headers: [(String, String)] {
            [("x-amz-copy-source", "/" + S3Text.encode("\(bucket)/\(name)", keeping: "/"))]
                + (etag.map { [("x-amz-copy-source-if-match", $0)] } ?? [])
        }
    }

    /// The whole object.
    func copy(_ original: Original, to name: String, writer: String) async throws(S3CallFailure) {
        let headers = [
            ("content-type", "application/octet-stream"), (Self.writerHeader, writer),
            ("x-amz-metadata-directive", "REPLACE"),
        ]
        let request = S3Request(
            action: "s3:PutObject", method: .PUT, name: name, headers: original.headers + headers,
            root: "CopyObjectResult")
        _ = try await send(request)
    }

    /// Bytes of the object as a part of an upload.
    func copyPart(
        _ number: Int, of upload: String, _ name: String, from original: Original, _ range: Range<Int64>
    ) async throws(S3CallFailure) -> PartTag {
        let request = S3Request(
            action: "s3:PutObject", method: .PUT, name: name,
            query: [("partNumber", String(number)), ("uploadId", upload)],
            headers: original.headers
                + [("x-amz-copy-source-range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")],
            root: "CopyPartResult")
        guard let etag = try await send(request).xml.value("ETag"), etag.utf8.count <= 256 else {
            throw S3CallFailure(cause: .noAnswer("no tag was given for part \(number)"), what: request.told(in: bucket))
        }
        return PartTag(etag: etag, checksum: nil)
    }
}
