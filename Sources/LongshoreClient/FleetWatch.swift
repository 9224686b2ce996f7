package import ImportModel

/// Keeps a board in step with the service: given tasks until they have ended, or all that run, for ever.
///
/// Progress is asked for every second; the stream of events only makes the next question come at once, so a service
/// whose events cannot be read is watched just as well, a little later.
package struct FleetWatch: Sendable {
    private let client: ServiceClient
    private let board: ProgressBoard
    private let tasks: [TaskID]
    private let interval: Duration
    private let label: @Sendable (TaskView) -> String

    /// - Parameters:
    ///   - tasks: those to watch; empty: all that wait or run.
    ///   - label: the name of a task's row.
    package init(
        client: ServiceClient, board: ProgressBoard, tasks: [TaskID], interval: Duration = .seconds(1),
        label: @escaping @Sendable (TaskView) -> String
    ) {
        self.client = client
        self.board = board
        self.tasks = tasks
        self.interval = interval
        self.label = label
    }

    /// - Throws: `ServiceError` when the first look at the service fails; later trouble is told on the board.
    package func run() async throws {
        var poller = TaskPoller(client: client, board: board)
        for id in tasks { apply(try await client.task(id)) }
        if tasks.isEmpty { try await lookForTasks(&poller) }
        let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await listen(wake) }
            group.addTask { try await tick(wake) }
            for await _ in wakes {
                if tasks.isEmpty {
                    do {
                        try await lookForTasks(&poller)
                        poller.note(nil)
                    } catch let error as ServiceError where error.isPassing {
                        poller.note(error)
                    }
                } else {
                    try await poller.round()
                    if board.rows.allSatisfy(\.isEnded) { break }
                }
                // A burst of events is one reason to look, not a hundred.
                try await Task.sleep(for: min(interval, .milliseconds(200)))
            }
            group.cancelAll()
        }
        try Task.checkCancellation()
    }

    private func apply(_ view: TaskView) {
        let known = board.rows.first { $0.task == view.id }?.id
        board.update(known ?? board.add(label: label(view))) { $0.apply(view, at: .now) }
    }

    /// Brings in all that wait or run, and learns the end of those that no longer do.
    private func lookForTasks(_ poller: inout TaskPoller) async throws {
        let running = try await client.allTasks(state: .processing, limit: 500)
        let waiting = try await client.allTasks(state: .pending, limit: 500)
        let listed = running + waiting
        for view in listed { apply(view) }
        let seen = Set(listed.map(\.id))
        try await poller.poll(board.rows.filter { row in !row.isEnded && row.task.map { !seen.contains($0) } ?? false })
    }

    private func listen(_ wake: AsyncStream<Void>.Continuation) async throws {
        var last = ""
        while true {
            do {
                try await client.events(after: last, onOpen: { _ = wake.yield() }) { event in
                    last = event.id
                    wake.yield()
                }
            } catch is ServiceError {
                // The questions go on, and they tell the user when the service is away.
            }
            try await Task.sleep(for: interval * 2)
        }
    }

    private func tick(_ wake: AsyncStream<Void>.Continuation) async throws {
        while true {
            // An idle fleet is left in peace.
            try await Task.sleep(for: board.rows.isEmpty ? interval * 5 : interval)
            wake.yield()
        }
    }
}
