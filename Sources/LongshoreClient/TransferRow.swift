package import ImportModel

/// One import on its way, as far as it can be seen: first the requests of this command, then the task.
package struct TransferRow: Sendable {
    package enum Stage: Hashable, Sendable {
        case waiting
        /// Bytes move, or will soon.
        case active
        case succeeded, failed
        /// Accepted by the service, and nobody waits for its end.
        case handedOver
    }

    /// Names the row on its board.
    package let id: Int
    /// What the line is called; cleaned for the terminal.
    package let label: String
    package private(set) var stage = Stage.waiting
    /// What is being done, in a word.
    package private(set) var phase = "waiting"
    package private(set) var done: Int64 = 0
    package private(set) var total: Int64?
    package private(set) var attempt = 0
    package private(set) var rate = TransferRate()
    /// Why it failed, or why it waits.
    package private(set) var note = ""
    package private(set) var image: ImageID?
    package private(set) var task: TaskID?
    /// It failed because the service did not answer.
    package private(set) var isUnreachable = false
    /// The task's last known state; absent until the service accepted the import.
    package private(set) var view: TaskView?

    package init(id: Int, label: String) {
        self.id = id
        self.label = SafeText.line(label)
    }

    package var isEnded: Bool { stage == .succeeded || stage == .failed }

    package mutating func apply(_ step: ImportJob.Step, at now: ContinuousClock.Instant) {
        switch step {
        case .probing:
            stage = .active
            phase = "looking"
        case .created(let id):
            image = id
            phase = "created"
        case .uploading(let done, let size):
            phase = "uploading"
            self.done = done
            total = size
            rate.note(bytes: done, at: now)
        case .accepted(let id):
            task = id
            stage = .handedOver
            phase = "accepted"
            done = 0
            rate = TransferRate()
        case .discarded:
            image = nil
        }
    }

    package mutating func apply(_ view: TaskView, at now: ContinuousClock.Instant) {
        if view.attempt != attempt { rate = TransferRate() }
        self.view = view
        image = view.imageId
        task = view.id
        attempt = view.attempt
        done = view.bytesDone
        total = view.bytesTotal
        note = SafeText.line(view.message)
        switch view.state {
        case .pending:
            stage = .waiting
            phase = view.attempt > 0 ? "waiting to retry" : "queued"
        case .processing:
            stage = .active
            phase = view.phase?.rawValue ?? "claimed"
            rate.note(bytes: view.bytesDone, at: now)
        case .success:
            stage = .succeeded
            phase = "done"
            total = view.bytesTotal ?? view.bytesDone
        case .failure:
            stage = .failed
            phase = view.result == .cancelled ? "cancelled" : "failed"
            if note.isEmpty { note = view.result?.rawValue ?? "for an unknown reason" }
        }
    }

    /// Ends the row with an error that is not the task's own.
    package mutating func fail(_ reason: String, isUnreachable: Bool = false) {
        self.isUnreachable = isUnreachable
        stage = .failed
        phase = "failed"
        note = SafeText.line(reason)
    }

    /// 0 to 1; `nil` while the size is not known.
    package var fraction: Double? {
        guard let total, total > 0 else { return stage == .succeeded ? 1 : nil }
        return min(1, max(0, Double(done) / Double(total)))
    }
}
