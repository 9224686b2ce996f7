/// A task as Redis keeps it. Times are milliseconds since 1970 by the Redis server's clock; sizes are bytes.
package struct TaskRecord: Hashable, Sendable {
    package var id: TaskID
    package var image: ImageID
    package var kind: TaskKind
    package var state: TaskState
    package var request: ImportRequest
    package var owner: String
    package var tenant: String
    /// 0 (last) to 9 (first).
    package var priority: Int
    package var requestID: String
    package var priorStatus: ImageStatus
    /// Claims so far.
    package var attempt: Int
    /// Claims that count against the limit of attempts.
    package var spent: Int
    package var nonce: Nonce?
    package var worker: ProcessID?
    package var leaseMs: Int64
    package var beatSeq: Int64
    package var isSuspect: Bool
    package var phase: TaskPhase?
    package var message: String
    package var bytesDone: Int64
    package var bytesTotal: Int64?
    /// The stores in which a copy has been located, by any of its attempts.
    package var located: [StoreID] = []
    package var result: TaskResult?
    package var createdAtMs: Int64
    package var updatedAtMs: Int64
    /// When the next attempt is due, while the task waits for one after a failure.
    package var dueAtMs: Int64?
    package var deadlineAtMs: Int64
    package var expiresAtMs: Int64?

    package init(
        id: TaskID, image: ImageID, kind: TaskKind, state: TaskState, request: ImportRequest, owner: String,
        tenant: String, priority: Int, requestID: String, priorStatus: ImageStatus, attempt: Int, spent: Int,
        nonce: Nonce?, worker: ProcessID?, leaseMs: Int64, beatSeq: Int64, isSuspect: Bool, phase: TaskPhase?,
        message: String, bytesDone: Int64, bytesTotal: Int64?, result: TaskResult?, createdAtMs: Int64,
        updatedAtMs: Int64, dueAtMs: Int64?, deadlineAtMs: Int64, expiresAtMs: Int64?
    ) {
        self.id = id
        self.image = image
        self.kind = kind
        self.state = state
        self.request = request
        self.owner = owner
        self.tenant = tenant
        self.priority = priority
        self.requestID = requestID
        self.priorStatus = priorStatus
        self.attempt = attempt
        self.spent = spent
        self.nonce = nonce
        self.worker = worker
        self.leaseMs = leaseMs
        self.beatSeq = beatSeq
        self.isSuspect = isSuspect
        self.phase = phase
        self.message = message
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
        self.result = result
        self.createdAtMs = createdAtMs
        self.updatedAtMs = updatedAtMs
        self.dueAtMs = dueAtMs
        self.deadlineAtMs = deadlineAtMs
        self.expiresAtMs = expiresAtMs
    }
}

extension TaskRecord {
    /// What a task has whose request names no priority.
    package static let defaultPriority = 4

    /// The request id of a task that was made with an id of the service's own: it is the task's id, with a prefix.
    package static func requestID(of task: TaskID) -> String { "req-\(task)" }
}

/// One ended attempt, as a JSON line of the task's history.
package struct AttemptRecord: Hashable, Codable, Sendable {
    package var attempt: Int
    package var worker: String
    package var phase: String
    package var bytes: Int64
    /// Why it ended: `success`, or the words of the failure.
    package var reason: String
    package var startedAtMs: Int64
    package var endedAtMs: Int64

    package init(
        attempt: Int, worker: String, phase: String, bytes: Int64, reason: String, startedAtMs: Int64, endedAtMs: Int64
    ) {
        self.attempt = attempt
        self.worker = worker
        self.phase = phase
        self.bytes = bytes
        self.reason = reason
        self.startedAtMs = startedAtMs
        self.endedAtMs = endedAtMs
    }
}
