import ImageStorage
import ImportModel

/// The one moment at which an object appears, and the proof of whose it is.
///
/// Every writer has a token, which the object carries as metadata. When an answer is a conflict, or does not come,
/// `HEAD` shows whether the object that is there is ours: so a reply that was lost is no failure, and another's object
/// is never taken for ours.
struct S3Publication: Sendable {
    let objects: S3Objects
    let store: StoreID
    let key: ObjectKey
    let writer: String

    /// Runs `call`, which makes the object appear.
    ///
    /// - Parameter isGuarded: whether the service itself refuses to replace an object. Where it does not, a look before
    ///   and one after leave only a moment in which two writers of one key could both believe to have won.
    func publish(
        sizeBytes: Int64, isGuarded: Bool, _ call: () async throws(S3CallFailure) -> Void
    ) async throws(StorageError) {
        if !isGuarded, try await look() != nil { throw .exists(store, key) }
        Failpoint.reach(.objectWritten)
        do throws(S3CallFailure) { try await call() } catch {
            return try await settle(error, sizeBytes)
        }
        Failpoint.reach(.objectNamed)
        if isGuarded { return }
        guard let there = try await look() else {
            throw .unavailable(store, reason: "\(key) was removed while it was being committed")
        }
        try claim(there, sizeBytes)
    }

    /// Returns if the call that failed has done its work all the same.
    private func settle(_ failure: S3CallFailure, _ sizeBytes: Int64) async throws(StorageError) {
        let isOpen =
            switch failure.cause {
            case .refused, .noAnswer: true
            case .cancelled, .untrusted: false
            }
        let there: S3Objects.Head?
        do throws(StorageError) { there = isOpen ? try await look() : nil } catch {
            // The first failure is the one that tells.
            throw failure.fault(of: store)
        }
        if let there { return try claim(there, sizeBytes) }
        if failure.refusal?.code == "NoSuchUpload" {
            throw .unavailable(store, reason: "the unfinished bytes of \(key) were removed while being written")
        }
        throw failure.fault(of: store)
    }

    /// Whether the object is what this writer has written.
    private func claim(_ there: S3Objects.Head, _ sizeBytes: Int64) throws(StorageError) {
        guard there.writer == writer else { throw .exists(store, key) }
        guard there.sizeBytes == sizeBytes else {
            throw .unavailable(
                store, reason: "\(key) has \(there.sizeBytes) bytes in the store instead of the \(sizeBytes) written")
        }
    }

    private func look() async throws(StorageError) -> S3Objects.Head? {
        do throws(S3CallFailure) { return try await objects.head(objects.client.location.name(of: key)) } catch {
            throw error.fault(of: store)
        }
    }
}
