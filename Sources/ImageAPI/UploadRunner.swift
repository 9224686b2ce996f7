package import ImportModel
package import LeaseStore
package import NIOCore

/// Carries out an upload or a staging: locks the image, streams the bytes under a lease that is kept alive, publishes.
package protocol UploadRunner: Sendable {
    /// - Parameters:
    ///   - kind: `.upload` or `.stage`.
    ///   - body: to be iterated once; its errors mean that the bytes are not to be had or not wanted.
    ///   - expectedBytes: the size, where the client announced it.
    /// - Throws: `LeaseStoreError`, `CancellationError`; a failure of the upload itself is a result.
    func run<Body: AsyncSequence & Sendable>(
        kind: TaskKind, image: ImageRecord, task: NewTask, store: StoreID, body: Body, expectedBytes: Int64?
    ) async throws -> UploadResult where Body.Element == ByteBuffer
}

/// How an upload ended.
package enum UploadResult: Sendable {
    case published
    /// The image was not to be had.
    case refused(CreateReply)
    case failed(UploadFailure)
    /// Somebody else decides about the image now.
    case lost(LostLease)
}

/// Why an upload came to nothing.
package struct UploadFailure: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case tooLarge
        /// The bytes stopped coming, or are not what was announced.
        case interrupted
        case storeFull
        /// The bytes are not what they are declared to be, or dangerous.
        case formatRefused
        case clientGone
        /// Something on our side, which may pass.
        case unavailable
    }

    package var kind: Kind
    /// For a person.
    package var reason: String

    package init(kind: Kind, reason: String) {
        self.kind = kind
        self.reason = reason
    }
}
