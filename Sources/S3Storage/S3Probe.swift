import Foundation
import ImportModel

/// Tries every call that a store makes on an object of its own, and finds out what the service can do beyond.
///
/// Services that do not know a condition ignore it, or refuse the call: both count as not having it.
struct S3Probe: Sendable {
    let objects: S3Objects
    let prefix: String
    /// How old what another probe has left must be to be swept: longer than any probe takes.
    var strayAge: TimeInterval = 3600

    private static let mark = ".longshore-check."
    private static let payload = S3Payload(text: "longshore", withMD5: true)
    /// Without MD5, as it is not known yet whether the service tags by it.
    private static let part = S3Payload(text: "longshore")

    /// - Throws: the call that is not possible, by the name of the permission that it needs.
    func run() async throws(S3CallFailure) -> S3Traits {
        let name = "\(prefix)\(Self.mark)\(Nonce.mint())"
        do throws(S3CallFailure) {
            let traits = try await traits(name)
            try await objects.abortUploads(of: name)
            try await sweep()
            try await objects.delete(name)
            return traits
        } catch {
            if error.refusal != nil {
                // What cannot be removed now is a stray, which a later probe sweeps.
                try? await objects.abortUploads(of: name)
                try? await objects.delete(name)
            }
            throw error
        }
    }

    /// Writes an object and removes it: whether the service is there and lets itself be written to.
    func touch() async throws(S3CallFailure) {
        let name = "\(prefix)\(Self.mark)\(Nonce.mint())"
        try await objects.put(name, Self.payload)
        try await objects.delete(name)
    }

    private func traits(_ name: String) async throws(S3CallFailure) -> S3Traits {
        var traits = S3Traits()
        traits.checksums = try await isTaken { () throws(S3CallFailure) in
            try await objects.put(name, Self.payload, checksum: true)
            try await objects.abort(try await upload(name, checksums: true).id, name)
        }
        if !traits.checksums { try await objects.put(name, Self.payload) }
        traits.putProof = try await proof(name, traits) { S3Imprint(of: Self.payload, $0) }
        traits.conditionalPut = try await isConflict { () throws(S3CallFailure) in
            try await objects.put(name, Self.payload, ifAbsent: true)
        }
        let (id, part) = try await upload(name, checksums: traits.checksums)
        traits.conditionalComplete = try await isConflict { () throws(S3CallFailure) in
            try await objects.complete(id, name, [part], ifAbsent: true)
        }
        var isComplete = !traits.conditionalComplete
        if !isComplete {
            // To see what an object of parts shows there must be one. Some services end an upload with the conflict.
            do throws(S3CallFailure) {
                try await objects.complete(id, name, [part], ifAbsent: false)
                isComplete = true
            } catch {
                if error.refusal == nil { throw error }
            }
        }
        if isComplete {
            traits.completeProof = try await proof(name, traits) {
                S3Imprint(of: [part], sizeBytes: Self.payload.count, $0)
            }
        }
        do throws(S3CallFailure) {
            if traits.checksums, try await continues(name, .withChecksums) { traits.continuation = .withChecksums }
            if traits.continuation == nil, try await continues(name, .withTags, checksum: traits.checksums) {
                traits.continuation = .withTags
            }
        } catch {
            // The store can do without.
            traits.asksAgain = true
        }
        return traits
    }

    /// Whether an upload can be completed by what the service tells of its parts, and shows that in its tag.
    private func continues(
        _ name: String, _ way: S3Continuation, checksum: Bool = true
    ) async throws(S3CallFailure) -> Bool {
        do throws(S3CallFailure) {
            let id = try await objects.createUpload(name, writer: "check", checksums: way == .withChecksums)
            let part = try await objects.uploadPart(1, of: id, name, Self.part, checksum: checksum)
            guard let listed = try await objects.parts(of: id, name, count: 1, size: Self.payload.count)?.first,
                S3Imprint.bare(listed.etag) == S3Imprint.bare(part.etag),
                way == .withTags || listed.checksum == part.checksum
            else { return false }
            let told = way == .withTags ? listed.withoutChecksum : listed
            try await objects.complete(id, name, [told], ifAbsent: false)
            let imprint = S3Imprint(of: [told], sizeBytes: Self.payload.count, .tag)
            guard imprint.tag != nil, let there = try await objects.head(name) else { return false }
            return imprint.difference(to: there) == nil
        } catch {
            // Only what the service says holds for as long as the process runs; what broke on the way is no answer.
            switch error.cause {
            case .refused(let refusal) where !refusal.isTransient: return false
            case .notUnderstood: return false
            default: throw error
            }
        }
    }

    /// Which of the proofs the object gives.
    private func proof(
        _ name: String, _ traits: S3Traits, _ imprint: (S3Proof) -> S3Imprint
    ) async throws(S3CallFailure) -> S3Proof {
        guard let there = try await objects.head(name, checksum: traits.checksums) else { return .none }
        let proofs: [S3Proof] = traits.checksums ? [.checksum, .tag] : [.tag]
        return proofs.first { proof in
            let imprint = imprint(proof)
            return (imprint.checksum ?? imprint.tag) != nil && imprint.difference(to: there) == nil
        } ?? .none
    }

    /// Removes what processes have left that ended in the middle of a probe, as far as it can be removed.
    private func sweep() async throws(S3CallFailure) {
        let latest = Date().addingTimeInterval(-strayAge)
        func isStray(_ name: String, _ date: Date?) -> Bool {
            name.hasPrefix(prefix + Self.mark) && date.map { $0 <= latest } ?? false
        }
        for upload in try await objects.uploads(prefix: prefix + Self.mark, after: nil).uploads
        where isStray(upload.name, upload.initiated) {
            try? await objects.abort(upload.id, upload.name)
        }
        for object in try await objects.objects(prefix: prefix + Self.mark, after: nil).objects
        where isStray(object.name, object.modified) {
            try? await objects.delete(object.name)
        }
    }

    private func upload(
        _ name: String, checksums: Bool
    ) async throws(S3CallFailure) -> (id: String, part: S3Objects.PartTag) {
        let id = try await objects.createUpload(name, writer: "check", checksums: checksums)
        return (id, try await objects.uploadPart(1, of: id, name, Self.part, checksum: checksums))
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
