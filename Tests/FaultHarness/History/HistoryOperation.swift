package import ImportModel

/// One operation of one client: when it began, when it was answered, and with what.
package struct HistoryOperation: Hashable, Codable, Sendable {
    package enum Action: Hashable, Codable, Sendable {
        case create
        /// - Parameters:
        ///   - request: the request id, by which the task that came of it is known even where the answer was lost.
        ///   - size: of what is imported, in bytes.
        case `import`(request: String, size: Int64)
        case cancel(TaskID)
        case delete
        case show
        /// Shows a task.
        case look(TaskID)
    }

    /// What a client sees of an image.
    package struct Shown: Hashable, Codable, Sendable {
        package let status: ImageStatus
        package let size: Int64?
        package let digest: String?

        package init(_ status: ImageStatus, size: Int64? = nil, digest: String? = nil) {
            self.status = status
            self.size = size
            self.digest = digest
        }
    }

    package enum Outcome: Hashable, Codable, Sendable {
        /// Created, cancelled, deleted.
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

extension HistoryOperation: CustomStringConvertible {
    package var description: String {
        func milliseconds(_ time: Int64) -> String { "\(time / 1_000_000).\(time / 100_000 % 10)" }
        let span = "\(milliseconds(began))–\(ended.map(milliseconds) ?? "…") ms"
        return "#\(number) \(client) \(action) → \(outcome) (\(span))"
    }
}
