package import ImageStorage
package import ImportModel

/// Copies inside one service: nothing but requests passes through this process.
///
/// The service is told the tag of the original, so that it copies that very object or none. What was made must have the
/// size of the original. Where the tag of both is the image's MD5, as that of an object put by one request is nearly
/// everywhere, the copy is proved; every other one is doubtful, and is read.
extension S3Storage {
    package func copy(
        _ source: ObjectKey, of other: any ImageStorage, to key: ObjectKey, _ description: ObjectDescription,
        step: @Sendable (_ bytesDone: Int64) async throws -> Void
    ) async throws -> ObjectCopy {
        let readable = (other as? ReadOnlyStorage)?.base ?? other
        guard let other = readable as? S3Storage, objects.client.isOfOneService(with: other.objects.client) else {
            return .notHere
        }
        let original = try await original(source, in: other, description.sizeBytes)
        if try await size(key) != nil { throw StorageError.exists(id, key) }
        let publication = S3Publication(objects: objects, store: id, key: key, writer: Nonce.mint().rawValue)
        try await step(0)
        try await publication.describe(description, checksum: traits.checksums)
        if description.sizeBytes <= configuration.copyBytes {
            return try await copyWhole(original, description, publication)
        }
        return try await copyParts(original, description.sizeBytes, publication, step)
    }

    private func original(
        _ key: ObjectKey, in other: S3Storage, _ sizeBytes: Int64
    ) async throws(StorageError) -> S3Objects.Original {
        let name = other.location.name(of: key)
        let head = try await other.told { () throws(S3CallFailure) in try await other.objects.head(name) }
        guard let head else { throw .notFound(other.id, key) }
        guard head.sizeBytes == sizeBytes else {
            throw .unavailable(other.id, reason: "\(key) has \(head.sizeBytes) bytes, and the image \(sizeBytes)")
        }
        return S3Objects.Original(bucket: other.location.bucket, name: name, etag: head.etag)
    }

    private func copyWhole(
        _ original: S3Objects.Original, _ description: ObjectDescription, _ publication: S3Publication
    ) async throws(StorageError) -> ObjectCopy {
        let name = location.name(of: publication.key)
        // The condition that keeps an object from being replaced is none of this call's.
        try await publication.publish(S3Imprint(sizeBytes: description.sizeBytes), isGuarded: false) {
            [objects] () throws(S3CallFailure) in
            try await objects.copy(original, to: name, writer: publication.writer)
        }
        // Else it is another object, or one of parts, or one of a service that encrypts what it keeps.
        guard Self.digest(original.etag) == description.digests.md5 else { return .doubtful }
        let copy = try await told { () throws(S3CallFailure) in try await objects.head(name) }
        // A service that encrypts what it keeps may give tags that are no digests.
        return Self.digest(copy?.etag) == description.digests.md5 ? .made : .doubtful
    }

    private func copyParts(
        _ original: S3Objects.Original, _ sizeBytes: Int64, _ publication: S3Publication,
        _ step: @Sendable (_ bytesDone: Int64) async throws -> Void
    ) async throws -> ObjectCopy {
        let name = location.name(of: publication.key)
        let upload = try await told { () throws(S3CallFailure) in
            try await objects.createUpload(name, writer: publication.writer, checksums: false)
        }
        do {
            let plan = PartPlan(least: configuration.copyBytes, expectedBytes: sizeBytes)
            var parts: [S3Objects.PartTag] = []
            var done: Int64 = 0
            while done < sizeBytes {
                if done > 0 { try await step(done) }
                let number = parts.count + 1
                let range = done..<min(done + plan.bytes(ofPart: number, after: done), sizeBytes)
                parts.append(
                    try await told { () throws(S3CallFailure) in
                        try await objects.copyPart(number, of: upload, name, from: original, range)
                    })
                done = range.upperBound
            }
            try await step(done)
            try await publication.publish(
                S3Imprint(sizeBytes: sizeBytes), isGuarded: traits.conditionalComplete
            ) {
                [objects, traits, parts] () throws(S3CallFailure) in
                try await objects.complete(upload, name, parts, ifAbsent: traits.conditionalComplete)
            }
            return .doubtful
        } catch {
            // Else it would stay beside what is written there next: an object that is named is never swept.
            // In a task of its own, since this one may have been cancelled.
            await Task { [objects] in try? await objects.abort(upload, name) }.value
            throw error
        }
    }

    /// The MD5 that a tag of an object is, if it may be one.
    private static func digest(_ etag: String?) -> String? {
        guard let text = etag.map({ S3Imprint.bare($0) }), text.utf8.count == 32 else { return nil }
        return text
    }
}
