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

    private enum Holder { case nobody, us, another }

    /// Runs `call`, which makes the object appear.
    ///
    /// - Parameter isGuarded: whether the service itself refuses to replace an object. Where it does not, a look before
    ///   and one after leave only a moment in which two writers of one key could both believe to have won.
    func publish(
        sizeBytes: Int64, isGuarded: Bool, _ call: () async throws(S3CallFailure) -> Void
    ) async throws(StorageError) {
        if !isGuarded, try await holder(sizeBytes) == .another { throw .exists(store, key) }
        do throws(S3CallFailure) { try await call() } catch {
            try await settle(error, sizeBytes)
            return
        }
        if isGuarded { return }
        switch try await holder(sizeBytes) {
        case .us: return
        case .another: throw .exists(store, key)
        case .nobody: throw .unavailable(store, reason: "\(key) was removed while it was being committed")
        }
    }

    /// Returns if the call that failed has done its work all the same.
    private func settle(_ failure: S3CallFailure, _ sizeBytes: Int64) async throws(StorageError) {
        switch failure.cause {
        case .cancelled, .untrusted: throw failure.fault(of: store)
        case .refused, .noAnswer: break
        }
        let found: Holder
        do throws(StorageError) { found = try await holder(sizeBytes) } catch {
            // The first failure is the one that tells.
            if case .misconfigured = error { throw failure.fault(of: store) }
            throw error
        }
        switch found {
        case .us: return
        case .another: throw .exists(store, key)
        case .nobody where failure.refusal?.code == "NoSuchUpload":
            throw .unavailable(store, reason: "the unfinished bytes of \(key) were removed while being written")
        case .nobody: throw failure.fault(of: store)
        }
    }

    private func holder(_ sizeBytes: Int64) async throws(StorageError) -> Holder {
        let head: S3Objects.Head?
        do throws(S3CallFailure) { head = try await objects.head(objects.client.location.name(of: key)) } catch {
            throw error.fault(of: store)
        }
        guard let head else { return .nobody }
        guard head.writer == writer else { return .another }
        guard head.sizeBytes == sizeBytes else {
            throw .unavailable(
                store, reason: "\(key) has \(head.sizeBytes) bytes in the store instead of the \(sizeBytes) written")
        }
        return .us
    }
}
