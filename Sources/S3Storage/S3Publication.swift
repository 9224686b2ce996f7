import Foundation
import ImageStorage
import ImportModel
import NIOCore

/// The one moment at which an object appears, and the proof of whose it is.
///
/// Every writer has a token, which the object carries as metadata. When an answer is a conflict, or does not come,
/// `HEAD` shows whether the object that is there is ours, with our bytes: so a reply that was lost is no failure, and
/// another's object is never taken for ours.
struct S3Publication: Sendable {
    let objects: S3Objects
    let store: StoreID
    let key: ObjectKey
    let writer: String
    /// Whether others may have the same upload, and so the same token: then what the object shows tells, and nothing
    /// else.
    var isShared = false
    /// Whether somebody else has begun it: then it may be his, and what is begun anew is not.
    var isHanded = false

    /// Puts the description beside the object before there is one: an object never lacks it.
    func describe(_ description: ObjectDescription, checksum: Bool) async throws(StorageError) {
        let json: Data
        do { json = try FleetJSON.encode(description) } catch {
            throw .unavailable(store, reason: "the description of \(key) cannot be written as JSON: \(error)")
        }
        do throws(S3CallFailure) {
            try await objects.put(
                objects.client.location.name(of: key) + S3Storage.descriptionSuffix,
                S3Payload(hashing: [ByteBuffer(bytes: json)]), type: "application/json", checksum: checksum)
        } catch {
            throw error.fault(of: store)
        }
    }

    /// Runs `call`, which makes the object appear.
    ///
    /// - Parameters:
    ///   - imprint: what the object must then show.
    ///   - isGuarded: whether the service itself refuses to replace an object. Where it does not, a look before and one
    ///     after leave only a moment in which two writers of one key could both believe to have won.
    func publish(
        _ imprint: S3Imprint, isGuarded: Bool, _ call: () async throws(S3CallFailure) -> Void
    ) async throws(StorageError) {
        if !isGuarded, try await look(imprint) != nil { throw taken }
        Failpoint.reach(.objectWritten)
        do throws(S3CallFailure) { try await call() } catch {
            return try await settle(error, imprint)
        }
        Failpoint.reach(.objectNamed)
        if isGuarded && !isShared { return }
        guard let there = try await look(imprint) else {
            throw .unavailable(store, reason: "\(key) was removed while it was being committed")
        }
        try claim(there, imprint)
    }

    /// Returns if the call that failed has done its work all the same.
    private func settle(_ failure: S3CallFailure, _ imprint: S3Imprint) async throws(StorageError) {
        let isOpen =
            switch failure.cause {
            case .refused, .noAnswer, .notUnderstood: true
            case .cancelled, .untrusted: false
            }
        let there: S3Objects.Head?
        do throws(StorageError) { there = isOpen ? try await look(imprint) : nil } catch {
            // The first failure is the one that tells.
            throw failure.fault(of: store)
        }
        if let there { return try claim(there, imprint) }
        // A part was written again by somebody else, with other bytes.
        if isHanded, failure.refusal?.code == "InvalidPart" { throw .overtaken(store, key) }
        if failure.refusal?.code == "NoSuchUpload" {
            throw .unavailable(store, reason: "the unfinished bytes of \(key) were removed while being written")
        }
        throw failure.fault(of: store)
    }

    /// Whether the object is what this writer has written.
    private func claim(_ there: S3Objects.Head, _ imprint: S3Imprint) throws(StorageError) {
        guard there.writer == writer else { throw taken }
        if let difference = imprint.difference(to: there) {
            if isHanded { throw .overtaken(store, key) }
            throw .unavailable(store, reason: "\(key) was not stored as it was written: it has \(difference)")
        }
    }

    private var taken: StorageError { isHanded ? .overtaken(store, key) : .exists(store, key) }

    private func look(_ imprint: S3Imprint) async throws(StorageError) -> S3Objects.Head? {
        do throws(S3CallFailure) {
            let name = objects.client.location.name(of: key)
            return try await objects.head(name, checksum: imprint.checksum != nil)
        } catch {
            throw error.fault(of: store)
        }
    }
}
