/// How an attempt ended. One exhaustive switch writes it back; nothing unknown can become a success.
package enum Outcome: Hashable, Sendable {
    /// The image was published with these facts.
    case succeeded(ImportedContent)
    /// A passing failure: another attempt may do it. `after` overrides the policy's wait (a source's Retry-After).
    case retry(reason: String, after: Duration?)
    /// The input can never be imported.
    case rejected(reason: String)
    /// What was continued cannot be: another attempt begins anew, and this one is not held against the task.
    case startOver(reason: String)
    /// This worker is at fault (its disk, its credentials): the attempt is not held against the task.
    case workerFault(reason: String)
    /// Redis refused the nonce: somebody else decides now.
    case leaseLost(LostLease)
    /// The worker is being drained.
    case interrupted
}

/// What a finished transfer left in the stores.
package struct ImportedContent: Hashable, Sendable {
    package var sizeBytes: Int64
    package var digests: ContentDigests
    /// Where the bytes are now.
    package var locations: [StoreID: String]
    /// Stores that were asked for and did not take the bytes, with the reason.
    package var failedStores: [StoreID: String]
    /// What the bytes are: the verdict of the inspection that everything has to pass.
    package var inspected: InspectedFormat
    /// Where they came from, if this attempt has fetched them.
    package var provenance: Provenance?
    /// The disk format that the bytes were converted to, if they were.
    package var convertedTo: String?
    /// What was received, where that is not what is stored.
    package var received: ReceivedBytes?

    package init(
        sizeBytes: Int64, digests: ContentDigests, locations: [StoreID: String],
        failedStores: [StoreID: String] = [:],
        inspected: InspectedFormat = InspectedFormat(verdict: RecordedVerdict(format: "raw")),
        provenance: Provenance? = nil, convertedTo: String? = nil
    ) {
        self.sizeBytes = sizeBytes
        self.digests = digests
        self.locations = locations
        self.failedStores = failedStores
        self.inspected = inspected
        self.provenance = provenance
        self.convertedTo = convertedTo
    }
}

/// Bytes of a source that were decompressed or converted on their way in.
package struct ReceivedBytes: Hashable, Sendable {
    package var sizeBytes: Int64
    /// `algorithm:hex`
    package var digest: String

    package init(sizeBytes: Int64, digest: String) {
        self.sizeBytes = sizeBytes
        self.digest = digest
    }
}

/// What the inspection of an image's bytes found.
package struct InspectedFormat: Hashable, Sendable {
    /// `nil` where the bytes are not to become an image's, and for bytes of an image that has its verdict.
    package var verdict: RecordedVerdict?
    /// The size of the disk inside, in bytes, if it is known.
    package var virtualSizeBytes: Int64?
    /// The whole finding as JSON, kept with staged data, which is judged when its formats are known.
    package var finding: String

    package init(verdict: RecordedVerdict?, virtualSizeBytes: Int64? = nil, finding: String = "") {
        self.verdict = verdict
        self.virtualSizeBytes = virtualSizeBytes
        self.finding = finding
    }
}

/// Why a lease is no longer ours.
package struct LostLease: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Why: Hashable, Sendable {
        /// The task ended: cancelled, stolen, its image deleted …
        case ended(TaskResult)
        /// The task was given back to the queue and waits there.
        case recovered
        /// Another attempt runs it.
        case superseded
        /// No such task any more, or the lock is not its.
        case gone
    }

    package var why: Why
    /// The process that holds the image now, if there is one.
    package var holder: String?

    package init(why: Why, holder: String? = nil) {
        self.why = why
        self.holder = holder
    }

    package var description: String {
        let by = holder.map { "; held now by \($0)" } ?? ""
        return switch why {
        case .ended(let result): "the task has ended (\(result.rawValue))\(by)"
        case .recovered: "the task was taken back and waits for its next attempt\(by)"
        case .superseded: "another attempt has taken over\(by)"
        case .gone: "the task or its lock is gone\(by)"
        }
    }
}
