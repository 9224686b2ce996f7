package import ImportModel

/// One operation of one client: when it began, when it was answered, and with what.
package struct HistoryOperation: Hashable, Codable, Sendable {
    package enum Action: Hashable, Codable, Sendable {
        case create
        /// - Parameters:
        ///   - request: the request id, by which the task that came of it is known even where the answer was lost.
        ///   - size: of what is imported, in bytes.
        ///   - stores: all of which must get it.
        case `import`(request: String, size: Int64, stores: Set<String>)
        /// Copies an active image to more stores.
        case copy(request: String, CopyOrder)
        case cancel(TaskID)
        case delete
        case show
        /// Shows a task.
        case look(TaskID)
    }

    /// What a copy is asked to do.
    package struct CopyOrder: Hashable, Codable, Sendable {
        /// Where the image shall be in the end.
        package let stores: Set<String>
        /// Whether those of `stores` that have it already are left out (`all_stores`), or are a reason to refuse.
        package let sparesFilled: Bool
        /// Whether one store that cannot be filled fails the task.
        package let mustAll: Bool

        package init(_ stores: Set<String>, sparesFilled: Bool = false, mustAll: Bool = true) {
            self.stores = stores
            self.sparesFilled = sparesFilled
            self.mustAll = mustAll
        }
    }

    /// What a client sees of an image.
    package struct Shown: Hashable, Codable, Sendable {
        package let status: ImageStatus
        package let size: Int64?
        package let digest: String?
        package let stores: Set<String>

        package init(
            _ status: ImageStatus, size: Int64? = nil, digest: String? = nil, stores: Set<String> = []
        ) {
            self.status = status
            self.size = size
            self.digest = digest
            self.stores = stores
        }
    }

    package enum Outcome: Hashable, Codable, Sendable {
        /// Created, cancelled, deleted; of a copy: there was nothing to do.
        case done
        case accepted(TaskID)
        case shown(Shown)
        case seen(TaskState, TaskResult?)
        /// An answer of the 400s: nothing was changed.
        case refused(Int)
        /// A lost connection, a time-out, or an answer that leaves it open: it may have happened at any time since it
        /// began, may still happen, or never.
        case unknown(String)
    }

    /// Counts all operations of a run.
    package let number: Int
    package let client: String
    package let image: ImageID
    package let action: Action
    /// In nanoseconds from the beginning of the run.
    package let began: Int64
    /// `nil`: its end is not known.
    package internal(set) var ended: Int64?
    package internal(set) var outcome: Outcome

    package init(
        number: Int, client: String, image: ImageID, action: Action, began: Int64, ended: Int64? = nil,
        outcome: Outcome = .unknown("not answered yet")
    ) {
        self.number = number
        self.client = client
        self.image = image
        self.action = action
        self.began = began
        self.ended = ended
        self.outcome = outcome
    }

    package var isUnknown: Bool {
        if case .unknown = outcome { true } else { false }
    }

    /// Until when it may have happened: for ever, where its outcome is unknown.
    var limit: Int64 { isUnknown ? .max : ended ?? .max }
}

extension HistoryOperation.Action {
    /// The request that makes a task, if this is one.
    var request: String? {
        switch self {
        case .import(let request, _, _), .copy(let request, _): request
        case .create, .cancel, .delete, .show, .look: nil
        }
    }
}

extension HistoryOperation: CustomStringConvertible {
    package var description: String {
        func milliseconds(_ time: Int64) -> String { "\(time / 1_000_000).\(time / 100_000 % 10)" }
        let span = "\(milliseconds(began))–\(ended.map(milliseconds) ?? "…") ms"
        return "#\(number) \(client) \(action) → \(outcome) (\(span))"
    }
}
