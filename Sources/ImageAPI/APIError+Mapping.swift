import HTTPTypes
import Hummingbird
import ImageCatalog
import ImageStorage
import ImportModel
import LeaseStore

extension APIError {
    /// Every error that can reach a client, and how.
    init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as CatalogError: self.init(error)
        case let error as LeaseStoreError: self.init(error)
        case let error as StorageError: self.init(error)
        case let error as IdentityUnavailable:
            self.init(
                .serviceUnavailable, "Tokens cannot be checked right now; try again later.",
                headers: [.retryAfter: "5"], cause: error)
        case let error as InvalidValue: self.init(.badRequest, error.message)
        case let error as HTTPError where error.status == .notFound:
            self.init(.notFound, "The resource could not be found.")
        case let error as HTTPError: self.init(error.status, error.body ?? error.status.reasonPhrase)
        default:
            self.init(
                .internalServerError, "The service failed in a way that it should not; its log says more.",
                cause: error)
        }
    }

    init(_ error: CatalogError) {
        switch error {
        case .invalid(let text): self.init(.badRequest, text)
        case .forbidden(let text): self.init(.forbidden, text)
        case .notFound(let text): self.init(.notFound, text)
        case .conflict(let text): self.init(.conflict, text)
        case .tooMuch(let text): self.init(.contentTooLarge, text)
        case .unsupportedMediaType(let text):
            self.init(
                .unsupportedMediaType, text,
                headers: [Header.acceptPatch: "\(ImagePatch.mediaType), \(ImagePatch.olderMediaType)"])
        }
    }

    /// Redis is away, full or strange; that is nothing a client can mend.
    init(_ error: LeaseStoreError) {
        let text =
            switch error {
            case .unavailable: "The catalog cannot be reached right now; nothing was changed. Try again."
            case .inDoubt: "The catalog did not answer; the change may have been made. Look before you try again."
            case .full: "The catalog takes no new work right now, for lack of memory. Try again later."
            case .malformed: "The catalog answered what this version does not understand; the log says more."
            }
        self.init(.serviceUnavailable, text, headers: [.retryAfter: "5"], cause: error)
    }

    init(_ error: StorageError) {
        switch error {
        case .full(let store, _):
            self.init(.contentTooLarge, "Store '\(store)' is full; the operator must make room.", cause: error)
        case .overtaken, .exists, .notFound, .unavailable, .misconfigured:
            self.init(
                .serviceUnavailable, "Store '\(error.store)' cannot be used right now; try again later.",
                headers: [.retryAfter: "5"], cause: error)
        }
    }

    /// An image's lock, or its state, does not admit what was asked for.
    init(refusal: CreateReply, image: ImageID, wanted: ImageStatus, what: String) {
        switch refusal {
        case .created:
            self.init(.conflict, "Image \(image) has been taken already by this very request.")
        case .noImage: self.init(.notFound, "No image found with ID \(image)")
        case .wrongStatus(let status):
            self.init(
                .conflict,
                "Image status transition is not allowed: \(what) needs an image that is '\(wanted.rawValue)', and image "
                    + "\(image) is '\(status.rawValue)'."
            )
        case .noFormat:
            self.init(
                .conflict,
                "'disk_format' and 'container_format' of image \(image) must be set before \(what); PATCH it."
            )
        case .stored(let store): self.init(.badRequest, "Image \(image) is already present at store '\(store)'.")
        case .locked(let lock): self.init(.conflict, Self.text(lock, image: image))
        }
    }

    private static func text(_ lock: HeldLock, image: ImageID) -> String {
        let phase = lock.phase.map { ", \($0.rawValue)" } ?? ""
        let steal =
            switch lock.stealIn {
            case nil: "It keeps the lock until it ends or is cancelled."
            case let wait?: "If it stays silent, another import may take over in \(Elapsed.text(wait))."
            }
        return "New operation on image \(image) is not permitted as prior operation is still in progress: task "
            + "\(lock.task) holds its lock (\(lock.state.rawValue)\(phase), last heard of "
            + "\(Elapsed.text(lock.age)) ago). \(steal)"
    }
}
