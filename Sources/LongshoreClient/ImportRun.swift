import ImportModel

/// Sends many imports to the service, a few at a time, and follows them to their end if that is asked for.
package struct ImportRun: Sendable {
    package enum End: Hashable, Sendable { case finished, timedOut }

    private let client: ServiceClient
    private let jobs: [ImportJob]
    private let board: ProgressBoard
    private let parallel: Int
    private let waits: Bool
    private let timeout: Duration?
    private let interval: Duration

    /// - Parameters:
    ///   - board: gets a row for each of the jobs; it is empty before.
    ///   - parallel: jobs whose requests are under way at one time.
    ///   - waits: whether `run` lasts until all imports have ended, or until `timeout`.
    ///   - interval: between two looks at the tasks.
    package init(
        client: ServiceClient, jobs: [ImportJob], board: ProgressBoard, parallel: Int, waits: Bool,
        timeout: Duration? = nil, interval: Duration = .milliseconds(500)
    ) {
        self.client = client
        self.jobs = jobs
        self.board = board
        self.parallel = parallel
        self.waits = waits
        self.timeout = timeout
        self.interval = interval
        for job in jobs { board.add(label: job.name) }
    }

    /// How it went with each job is on the board; only cancellation is thrown.
    package func run() async throws -> End {
        try await withThrowingTaskGroup(of: End.self) { group in
            group.addTask {
                try await carryOut()
                return .finished
            }
            if let timeout {
                group.addTask {
                    try await Task.sleep(for: timeout)
                    return .timedOut
                }
            }
            defer { group.cancelAll() }
            return try await group.next() ?? .finished
        }
    }

    private func carryOut() async throws {
        guard waits else { return try await submitAll() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await submitAll() }
            group.addTask {
                // A row ends only after its job was sent or given up, so this outlasts the other.
                var poller = TaskPoller(client: client, board: board)
                while true {
                    try await poller.round()
                    if board.rows.allSatisfy(\.isEnded) { return }
                    try await Task.sleep(for: pause)
                }
            }
            try await group.waitForAll()
        }
    }

    /// With hundreds of imports each is asked for less often, so that the service has other things to do as well.
    private var pause: Duration { max(interval, interval * jobs.count / 32) }

    private func submitAll() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            var rest = jobs.indices[...]
            for index in rest.prefix(max(1, parallel)) { group.addTask { try await submit(index) } }
            rest = rest.dropFirst(max(1, parallel))
            var isReachable = true
            while let answer = try await group.next() {
                isReachable = isReachable && answer
                // Nothing is gained by waiting for a time-out hundreds of times.
                guard isReachable, let index = rest.popFirst() else { continue }
                group.addTask { try await submit(index) }
            }
            for index in rest {
                board.update(index) { $0.fail("not sent: the service does not answer", isUnreachable: true) }
            }
        }
    }

    /// One job; `false` if the service does not answer.
    private func submit(_ index: Int) async throws -> Bool {
        do {
            _ = try await jobs[index].submit(to: client) { [board] step in
                board.update(index) { $0.apply(step, at: .now) }
            }
            return true
        } catch let error where !(error is CancellationError) {
            try Task.checkCancellation()
            let isUnreachable = ((error as? LeftBehind)?.error ?? error).isUnreachable
            board.update(index) { $0.fail("\(error)", isUnreachable: isUnreachable) }
            return !isUnreachable
        }
    }
}

extension Error {
    /// Whether this says that the service does not answer at all.
    package var isUnreachable: Bool {
        if case .unreachable? = self as? ServiceError { true } else { false }
    }
}
