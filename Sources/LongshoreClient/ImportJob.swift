package import ImportModel
import NIOCore

/// One import that the user asked for, and the requests that set it going.
package struct ImportJob: Hashable, Sendable {
    package var source: ImportSource
    package var name: String
    /// What the image shall be; its format is found out if `diskFormat` is `nil`.
    package var diskFormat: String?
    package var draft: ImageDraft
    package var order: ImportOrder

    /// `draft`'s name and format and `order`'s source are filled in from the other arguments.
    package init(_ named: NamedSource, diskFormat: String?, draft: ImageDraft, order: ImportOrder) {
        source = named.source
        name = named.name
        self.diskFormat = diskFormat
        self.draft = draft
        self.order = order
        self.draft.name = named.name
        if case .url(let url) = named.source { self.order.uri = url }
    }

    /// What has come of the job's requests.
    package enum Step: Sendable {
        case probing
        case created(ImageID)
        case uploading(done: Int64, of: Int64)
        case accepted(TaskID)
        /// The import did not begin, and the image is deleted again.
        case discarded
    }

    /// Creates the image, uploads a file's bytes, and asks for the import.
    ///
    /// An image that was created here and whose import did not begin is deleted again, also when the task is cancelled.
    package func submit(to client: ServiceClient, onStep: @escaping @Sendable (Step) -> Void) async throws -> TaskID {
        onStep(.probing)
        // A file that cannot be read is noticed before anything is created.
        var file: LocalFile?
        if case .file(let path) = source { file = try await LocalFile.open(path) }
        var draft = draft
        draft.diskFormat =
            if let diskFormat { diskFormat } else { try await FormatProbe.diskFormat(of: source, client) }
        let image = try await client.createImage(draft).id
        onStep(.created(image))
        do {
            if let file {
                onStep(.uploading(done: 0, of: file.size))
                let chunks = file.chunks { done in onStep(.uploading(done: done, of: file.size)) }
                try await client.stage(image, bytes: chunks, count: file.size)
            }
            let task = try await client.startImport(image, order)
            onStep(.accepted(task))
            return task
        } catch {
            // Also when only the answer was lost: a user who is told of a failure must not find an image later.
            throw await discard(image, client, after: error, onStep)
        }
    }

    /// Deletes the image and gives the error to throw: `error`, or the news that the image is still there.
    private func discard(
        _ image: ImageID, _ client: ServiceClient, after error: any Error, _ onStep: (Step) -> Void
    ) async -> any Error {
        // A task of its own: when this one has been cancelled, its requests would be cancelled too.
        let deletion = Task { try await client.deleteImage(image) }
        do {
            try await deletion.value
            onStep(.discarded)
            return error
        } catch let deletionError {
            return LeftBehind(image: image, error: error, deletionError: deletionError)
        }
    }
}

/// An import did not begin, and its image could not be deleted again.
package struct LeftBehind: Error, CustomStringConvertible {
    package let image: ImageID
    package let error: any Error
    package let deletionError: any Error

    package var description: String {
        "\(error); image \(image) is left behind (\(deletionError)): 'longshore delete \(image)' removes it"
    }
}
