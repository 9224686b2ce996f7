// What the fleet API under /longshore/v1 says, for the API that writes it and the client that reads it.
// In JSON all names are in snake case (`FleetJSON`). Times are milliseconds since 1970, by the Redis server's clock.

/// A task as the fleet API shows it.
package struct TaskView: Hashable, Codable, Sendable {
    package var id: TaskID
    package var imageId: ImageID
    package var kind: TaskKind
    package var method: ImportMethod?
    package var state: TaskState
    package var result: TaskResult?
    package var message: String
    package var phase: TaskPhase?
    package var owner: String
    package var priority: Int
    package var attempt: Int
    package var spent: Int
    package var worker: String?
    package var bytesDone: Int64
    package var bytesTotal: Int64?
    package var stores: [StoreID]
    /// The source with its credentials, query and fragment left out.
    package var source: String?
    package var requestId: String
    /// The id of the client's trace, where it sent one.
    package var traceId: String?
    package var createdAtMs: Int64
    package var updatedAtMs: Int64
    package var dueAtMs: Int64?
    package var deadlineAtMs: Int64
    /// Ended attempts, oldest first; only in the answer for one task.
    package var history: [AttemptRecord]?

    package init(_ task: TaskRecord, source: String?, history: [AttemptRecord]? = nil) {
        id = task.id
        imageId = task.image
        kind = task.kind
        method = task.request.method
        state = task.state
        result = task.result
        message = task.message
        phase = task.phase
        owner = task.owner
        priority = task.priority
        attempt = task.attempt
        spent = task.spent
        worker = task.worker?.rawValue
        bytesDone = task.bytesDone
        bytesTotal = task.bytesTotal
        stores = task.request.stores
        self.source = source
        requestId = task.requestID
        traceId = task.request.trace?.trace
        createdAtMs = task.createdAtMs
        updatedAtMs = task.updatedAtMs
        dueAtMs = task.dueAtMs
        deadlineAtMs = task.deadlineAtMs
        self.history = history
    }
}

/// One page of tasks, newest first.
package struct TaskPage: Hashable, Codable, Sendable {
    package var tasks: [TaskView]
    /// To be given as `marker` for the next page; absent on the last.
    package var nextMarker: TaskID?

    package init(tasks: [TaskView], nextMarker: TaskID?) {
        self.tasks = tasks
        self.nextMarker = nextMarker
    }
}

/// Who holds an image's lock, and when another import could take it.
package struct LockView: Hashable, Codable, Sendable {
    package var imageId: ImageID
    package var taskId: TaskID
    package var state: TaskState
    package var phase: TaskPhase?
    package var worker: String?
    /// Since the last heartbeat (or, while pending, since the task began to wait).
    package var ageMs: Int64
    package var leaseMs: Int64
    package var isSuspect: Bool
    /// When a steal is possible at the earliest, from now; 0: now; absent: never by age alone.
    package var stealInMs: Int64?
    /// Why the lock can or cannot be taken, in words.
    package var why: String

    package init(
        imageId: ImageID, taskId: TaskID, state: TaskState, phase: TaskPhase?, worker: String?, ageMs: Int64,
        leaseMs: Int64, isSuspect: Bool, stealInMs: Int64?, why: String
    ) {
        self.imageId = imageId
        self.taskId = taskId
        self.state = state
        self.phase = phase
        self.worker = worker
        self.ageMs = ageMs
        self.leaseMs = leaseMs
        self.isSuspect = isSuspect
        self.stealInMs = stealInMs
        self.why = why
    }
}

/// A running process of the fleet.
package struct ProcessView: Hashable, Codable, Sendable {
    package var id: ProcessID
    /// `worker`, `api` or `standalone`.
    package var role: String
    package var host: String
    package var pid: Int
    package var version: String
    package var concurrency: Int
    package var stores: [StoreID]
    package var running: [TaskID]
    package var startedAtMs: Int64
    package var seenAtMs: Int64

    package init(
        id: ProcessID, role: String, host: String, pid: Int, version: String, concurrency: Int, stores: [StoreID],
        running: [TaskID], startedAtMs: Int64, seenAtMs: Int64
    ) {
        self.id = id
        self.role = role
        self.host = host
        self.pid = pid
        self.version = version
        self.concurrency = concurrency
        self.stores = stores
        self.running = running
        self.startedAtMs = startedAtMs
        self.seenAtMs = seenAtMs
    }
}

/// The queue in numbers.
package struct QueueStats: Hashable, Codable, Sendable {
    package var isPaused: Bool
    package var pending: Int
    /// Waiting for their next attempt.
    package var delayed: Int
    package var processing: Int
    package var oldestPendingAgeMs: Int64?
    /// Of the pending tasks whose size is known.
    package var pendingBytes: Int64
    /// Pending tasks by tenant.
    package var tenants: [String: Int]
    package var processes: Int

    package init(
        isPaused: Bool, pending: Int, delayed: Int, processing: Int, oldestPendingAgeMs: Int64?, pendingBytes: Int64,
        tenants: [String: Int], processes: Int
    ) {
        self.isPaused = isPaused
        self.pending = pending
        self.delayed = delayed
        self.processing = processing
        self.oldestPendingAgeMs = oldestPendingAgeMs
        self.pendingBytes = pendingBytes
        self.tenants = tenants
        self.processes = processes
    }
}

/// A change of a task, or a broken invariant, as `GET /longshore/v1/events` sends it (server-sent events; the id resumes the stream).
package struct FleetEvent: Hashable, Codable, Sendable {
    package var id: String
    /// created, claimed, started-over, retrying, released, recovered, success, failure; fault, where the online check found something
    package var type: String
    /// `nil` only in a fault that is about the image alone.
    package var taskId: TaskID?
    package var imageId: ImageID
    /// The worker, the reason … whatever explains the event.
    package var detail: String

    package init(id: String, type: String, taskId: TaskID?, imageId: ImageID, detail: String) {
        self.id = id
        self.type = type
        self.taskId = taskId
        self.imageId = imageId
        self.detail = detail
    }
}

/// A store as the fleet API shows it.
package struct StoreView: Hashable, Codable, Sendable {
    package var id: StoreID
    package var type: String
    package var isDefault: Bool
    package var description: String

    package init(id: StoreID, type: String, isDefault: Bool, description: String) {
        self.id = id
        self.type = type
        self.isDefault = isDefault
        self.description = description
    }
}

/// The fleet API's answer to a request that cannot be served.
package struct FleetError: Hashable, Codable, Sendable, Error {
    /// What was wrong and what to do.
    package var message: String

    package init(message: String) { self.message = message }
}
