import AsyncHTTPClient
import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOHTTP1

/// The calls of S3 that a store is made of. Names are keys in the bucket.
struct S3Objects: Sendable {
    let client: S3Client

    /// What tells a writer its object from another's.
    static let writerHeader = "x-amz-meta-longshore-writer"
    private static let checksumHeader = "x-amz-checksum-sha256"

    struct Head: Sendable {
        let sizeBytes: Int64
        let etag: String?
        let writer: String?
        var checksum: String?
    }

    /// A part that the service has taken, as `complete` must name it.
    struct PartTag: Sendable {
        let etag: String
        let checksum: String?

        var withoutChecksum: PartTag { PartTag(etag: etag, checksum: nil) }
    }

    /// `nil` if there is no such object, or no such bucket: `HEAD` cannot tell them apart.
    func head(_ name: String, checksum: Bool = false) async throws(S3CallFailure) -> Head? {
        do throws(S3CallFailure) {
            let answer = try await send(
                S3Request(
                    action: "s3:GetObject", method: .HEAD, name: name,
                    headers: checksum ? [("x-amz-checksum-mode", "ENABLED")] : []))
            guard let size = answer.length, size >= 0 else {
                throw S3CallFailure(cause: .noAnswer("no size was given"), what: "HEAD of \(name)")
            }
            return Head(
                sizeBytes: size, etag: answer.etag, writer: answer.headers.first(name: Self.writerHeader),
                checksum: answer.headers.first(name: Self.checksumHeader))
        } catch {
            if error.refusal?.status == 404 { return nil }
            throw error
        }
    }

    /// Makes sure that what was not found is missing from a bucket that is there.
    func requireBucket() async throws(S3CallFailure) {
        let request = S3Request(action: "s3:ListBucket", method: .HEAD)
        do throws(S3CallFailure) { _ = try await send(request) } catch {
            guard error.refusal?.status == 404 else { throw error }
            var refusal = S3Refusal(status: 404)
            refusal.code = "NoSuchBucket"
            throw S3CallFailure(cause: .refused(refusal), what: error.what)
        }
    }

    /// A small object as a whole; `nil` if there is none.
    func get(_ name: String) async throws(S3CallFailure) -> ByteBuffer? {
        do throws(S3CallFailure) {
            return try await send(S3Request(action: "s3:GetObject", method: .GET, name: name)).body
        } catch {
            guard error.refusal?.isMissingObject == true else { throw error }
            // A gateway before a service that is not there says no more than the status.
            if error.refusal?.code.isEmpty == true { try await requireBucket() }
            return nil
        }
    }

    /// - Parameter ifAbsent: an object that is there is left alone, which is a conflict.
    func put(
        _ name: String, _ payload: S3Payload, writer: String? = nil, type: String = "application/octet-stream",
        ifAbsent: Bool = false, checksum: Bool = false
    ) async throws(S3CallFailure) {
        var headers = [("content-type", type)]
        if let writer { headers.append((Self.writerHeader, writer)) }
        if ifAbsent { headers.append(("if-none-match", "*")) }
        if checksum { headers.append((Self.checksumHeader, S3Digest.base64(payload.digest))) }
        let request = S3Request(action: "s3:PutObject", method: .PUT, name: name, headers: headers, body: payload)
        // Whoever stores an object names its tag; a gateway with an error page does not.
        guard try await send(request).etag != nil else {
            throw S3CallFailure(cause: .noAnswer("the answer names no tag"), what: request.told(in: bucket))
        }
    }

    /// No error if there is nothing.
    func delete(_ name: String) async throws(S3CallFailure) {
        do throws(S3CallFailure) {
            _ = try await send(S3Request(action: "s3:DeleteObject", method: .DELETE, name: name))
        } catch {
            if error.refusal?.isMissingObject != true { throw error }
        }
    }

    /// Begins a multipart upload; returns its id.
    func createUpload(_ name: String, writer: String, checksums: Bool) async throws(S3CallFailure) -> String {
        var headers = [("content-type", "application/octet-stream"), (Self.writerHeader, writer)]
        if checksums { headers.append(("x-amz-checksum-algorithm", "SHA256")) }
        let request = S3Request(
            action: "s3:PutObject", method: .POST, name: name, query: [("uploads", "")], headers: headers,
            root: "InitiateMultipartUploadResult")
        let answer = try await send(request)
        guard let id = answer.xml.value("UploadId") else {
            throw S3CallFailure(cause: .noAnswer("no upload was named"), what: request.told(in: bucket))
        }
        // One whose answer was lost would stay for ever beside the object: nobody else knows of it. It holds no bytes,
        // so that a service that cannot be asked right now is no reason to fail.
        if answer.tries > 1 { try? await abortUploads(of: name, except: id) }
        return id
    }

    /// - Parameter payload: with its MD5 where that is what the service tags a part with.
    func uploadPart(
        _ number: Int, of upload: String, _ name: String, _ payload: S3Payload, checksum: Bool
    ) async throws(S3CallFailure) -> PartTag {
        let text = checksum ? S3Digest.base64(payload.digest) : nil
        let request = S3Request(
            action: "s3:PutObject", method: .PUT, name: name,
            query: [("partNumber", String(number)), ("uploadId", upload)],
            headers: text.map { [(Self.checksumHeader, $0)] } ?? [], body: payload)
        guard let etag = try await send(request).etag, etag.utf8.count <= 256 else {
            throw S3CallFailure(cause: .noAnswer("no tag was given for part \(number)"), what: request.told(in: bucket))
        }
        if let md5 = payload.md5, S3Imprint.bare(etag) != S3Digest.hex(md5) {
            throw S3CallFailure(
                cause: .noAnswer("part \(number) has another tag than its bytes, \(S3Digest.hex(md5))"),
                what: request.told(in: bucket))
        }
        return PartTag(etag: etag, checksum: text)
    }

    /// The first `count` parts of an upload as the service has them; `nil` if there is no such upload, or not so many
    /// parts of `size` bytes.
    func parts(
        of upload: String, _ name: String, count: Int, size: Int64
    ) async throws(S3CallFailure) -> [PartTag]? {
        var tags: [PartTag] = []
        while tags.count < count {
            let asked = min(count - tags.count, 1000)
            let xml: S3XML
            do throws(S3CallFailure) {
                xml = try await send(
                    S3Request(
                        action: "s3:ListMultipartUploadParts", method: .GET, name: name,
                        query: [
                            ("max-parts", String(asked)), ("part-number-marker", String(tags.count)),
                            ("uploadId", upload),
                        ], root: "ListPartsResult")
                ).xml
            } catch {
                // Where listing parts is not allowed, or not known, nobody can go on either.
                if let refusal = error.refusal, !refusal.isTransient { return nil }
                throw error
            }
            let before = tags.count
            for part in xml.all("Part").prefix(1000) where tags.count < count {
                guard part.value("Size") == String(size), let etag = part.value("ETag"), etag.utf8.count <= 256 else {
                    return nil
                }
                let number = part.value("PartNumber")
                // SeaweedFS tells of a part as often as it was sent: by a worker that died behind its last checkpoint,
                // and by the one that went on.
                if number == String(tags.count), let last = tags.last, S3Imprint.bare(last.etag) == S3Imprint.bare(etag)
                {
                    continue
                }
                guard number == String(tags.count + 1) else { return nil }
                tags.append(PartTag(etag: etag, checksum: part.value("ChecksumSHA256")))
            }
            if tags.count == before { return nil }
        }
        return tags
    }

    /// Makes the parts of an upload an object: those that are named, and no others.
    func complete(
        _ upload: String, _ name: String, _ parts: [PartTag], ifAbsent: Bool
    ) async throws(S3CallFailure) {
        var xml = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        for (index, part) in parts.enumerated() {
            let checksum = part.checksum.map { "<ChecksumSHA256>\($0)</ChecksumSHA256>" } ?? ""
            xml +=
                "<Part><PartNumber>\(index + 1)</PartNumber><ETag>\(S3XML.escape(part.etag))</ETag>\(checksum)</Part>"
        }
        xml += "</CompleteMultipartUpload>"
        _ = try await send(
            S3Request(
                action: "s3:PutObject", method: .POST, name: name, query: [("uploadId", upload)],
                headers: [("content-type", "application/xml")] + (ifAbsent ? [("if-none-match", "*")] : []),
                body: S3Payload(text: xml), root: "CompleteMultipartUploadResult",
                // To put a large object together takes a service minutes.
                answerTimeout: .seconds(900)))
    }

    /// No error if the upload has ended.
    func abort(_ upload: String, _ name: String) async throws(S3CallFailure) {
        do throws(S3CallFailure) {
            _ = try await send(
                S3Request(
                    action: "s3:AbortMultipartUpload", method: .DELETE, name: name, query: [("uploadId", upload)]))
        } catch {
            if error.refusal?.code != "NoSuchUpload" { throw error }
        }
    }

    /// One try to read bytes of an object that has not changed since `etag`.
    func open(_ name: String, _ range: Range<Int64>, etag: String?) async throws(S3CallFailure) -> HTTPClientResponse {
        let request = S3Request(
            action: "s3:GetObject", method: .GET, name: name,
            headers: [("range", "bytes=\(range.lowerBound)-\(range.upperBound - 1)")]
                + (etag.map { [("if-match", $0)] } ?? []))
        do throws(S3Failure) { return try await client.open(request) } catch {
            throw S3CallFailure(cause: error, what: request.told(in: bucket))
        }
    }

    var bucket: String { client.location.bucket }

    func send(_ request: S3Request) async throws(S3CallFailure) -> S3Answer {
        do throws(S3Failure) { return try await client.send(request) } catch {
            throw S3CallFailure(cause: error, what: request.told(in: bucket))
        }
    }
}

/// A failure, and the call that it is of.
struct S3CallFailure: Error {
    let cause: S3Failure
    let what: String

    var refusal: S3Refusal? { cause.refusal }
    func fault(of store: StoreID) -> StorageError { cause.fault(of: store, what) }
}
