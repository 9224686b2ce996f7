/// What an image is, as the Image API shows it.
package enum ImageStatus: String, Codable, Sendable, CaseIterable {
    case queued, saving, uploading, importing, active, deactivated, killed, deleted
    case pendingDelete = "pending_delete"
}

/// Who may see an image.
package enum Visibility: String, Codable, Sendable, CaseIterable {
    case `public`, `private`, shared, community
}

/// Where a task stands. `success` and `failure` are final.
package enum TaskState: String, Codable, Sendable, CaseIterable {
    case pending, processing, success, failure

    package var isTerminal: Bool { self == .success || self == .failure }
}

/// What a task is for: an import by a worker, or an upload or a staging by an API process.
package enum TaskKind: String, Codable, Sendable, CaseIterable {
    case `import`, upload, stage
}

/// The ways to import that this build serves, by their names in the Image API.
package enum ImportMethod: String, Codable, Sendable, CaseIterable {
    case glanceDirect = "glance-direct"
    case webDownload = "web-download"
    case copyImage = "copy-image"

    /// The one status that an image must have for an import by this method.
    package var requiredStatus: ImageStatus {
        switch self {
        case .glanceDirect: .uploading
        case .webDownload: .queued
        case .copyImage: .active
        }
    }
}

/// Why a task ended, as one word that programs can rely on.
package enum TaskResult: String, Codable, Sendable, CaseIterable {
    case success
    /// The input can never be imported: wrong digest, refused URL, too large …
    case rejected
    /// Every attempt failed for a passing reason.
    case attemptsSpent = "attempts-spent"
    case cancelled
    /// Another import took the image's lock after this one had been silent for too long.
    case stolen
    case imageDeleted = "image-deleted"
    /// The task did not end by its deadline.
    case deadline
    /// The process that held an upload or a staging died; its bytes cannot be asked for again.
    case interrupted
}

/// What an attempt is doing.
package enum TaskPhase: String, Codable, Sendable, CaseIterable {
    case claimed, connecting, streaming, converting, verifying, committing, publishing
}
