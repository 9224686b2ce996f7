package import ImportModel
import RedisClient

/// What the fleet itself says of a task when all is over.
package struct TaskFact: Hashable, Codable, Sendable {
    package let task: TaskID
    /// The request that made it.
    package let request: String
    package let state: TaskState
    package let result: TaskResult?
    /// The workers of its attempts, in their order; those of the last 32.
    package let workers: [String]
    package let attempts: Int
    /// Whether it copies an active image, instead of making an image active.
    package let isCopy: Bool

    package init(
        task: TaskID, request: String, state: TaskState, result: TaskResult?, workers: [String] = [],
        attempts: Int = 0, isCopy: Bool = false
    ) {
        self.task = task
        self.request = request
        self.state = state
        self.result = result
        self.workers = workers
        self.attempts = attempts
        self.isCopy = isCopy
    }

    init(_ view: TaskView) {
        self.init(
            task: view.id, request: view.requestId, state: view.state, result: view.result,
            workers: view.history?.map(\.worker) ?? [], attempts: view.attempt,
            isCopy: view.method == .copyImage)
    }
}

extension FleetClient {
    /// The tasks of an image, oldest first.
    package func facts(of image: ImageID) async throws -> [TaskFact] {
        try await tasks(of: image).reversed().map(TaskFact.init)
    }
}
