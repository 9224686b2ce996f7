import ImportModel

/// Tries every call that a store makes on an object of its own, and finds out what the service can do beyond.
///
/// Services that do not know a condition ignore it, or refuse the call: both count as not having it.
struct S3Probe: Sendable {
    let objects: S3Objects
    let prefix: String

    /// - Throws: the call that is not possible, by the name of the permission that it needs.
    func run() async throws(S3CallFailure) -> S3Traits {
        let name = "\(prefix).longshore-check.\(Nonce.mint())"
        let payload = S3Payload(text: "longshore")
        try await objects.put(name, payload)
        var traits = S3Traits()
        traits.checksums = try await isTaken { () throws(S3CallFailure) in
            try await objects.put(name, payload, checksum: true)
        }
        traits.conditionalPut = try await isConflict { () throws(S3CallFailure) in
            try await objects.put(name, payload, ifAbsent: true)
        }
        if traits.checksums {
            traits.checksums = try await isTaken { () throws(S3CallFailure) in
                try await objects.abort(try await upload(name, payload, checksums: true).id, name)
            }
        }
        let (id, part) = try await upload(name, payload, checksums: traits.checksums)
        traits.conditionalComplete = try await isConflict { () throws(S3CallFailure) in
            try await objects.complete(id, name, [part], ifAbsent: true)
        }
        for upload in try await objects.uploads(prefix: name, after: nil).uploads where upload.name == name {
            try await objects.abort(upload.id, name)
        }
        _ = try await objects.objects(prefix: prefix, after: nil, atMost: 1)
        try await objects.delete(name)
        return traits
    }

    private func upload(
        _ name: String, _ payload: S3Payload, checksums: Bool
    ) async throws(S3CallFailure) -> (id: String, part: S3Objects.PartTag) {
        let id = try await objects.createUpload(name, writer: "check", checksums: checksums)
        return (id, try await objects.uploadPart(1, of: id, name, payload, checksum: checksums))
    }

    private func isTaken(_ call: () async throws(S3CallFailure) -> Void) async throws(S3CallFailure) -> Bool {
        do throws(S3CallFailure) { try await call() } catch {
            guard let status = error.refusal?.status, [400, 501].contains(status) else { throw error }
            return false
        }
        return true
    }

    private func isConflict(_ call: () async throws(S3CallFailure) -> Void) async throws(S3CallFailure) -> Bool {
        do throws(S3CallFailure) { try await call() } catch {
            guard let refusal = error.refusal, refusal.isConflict || [400, 501].contains(refusal.status) else {
                throw error
            }
            return refusal.isConflict
        }
        return false
    }
}
