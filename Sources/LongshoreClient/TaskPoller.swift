import ImportModel

/// Asks for the state of tasks again and again, and bears it when the service is away for a while.
struct TaskPoller {
    private let client: ServiceClient
    private let board: ProgressBoard
    private var isAway = false

    private static let requestsInFlight = 8

    init(client: ServiceClient, board: ProgressBoard) {
        self.client = client
        self.board = board
    }

    /// Asks once for every row that has a task and has not ended.
    mutating func round() async throws {
        let open = board.rows.filter { !$0.isEnded }
        try await poll(open)
    }

    /// Asks once for each of `rows`.
    mutating func poll(_ rows: [TransferRow]) async throws {
        let asked = rows.compactMap { row in row.task.map { (row.id, $0) } }
        guard !asked.isEmpty else { return }
        var trouble: ServiceError?
        try await withThrowingTaskGroup(of: ServiceError?.self) { [client, board] group in
            var rest = asked[...]
            func addNext() {
                guard let (row, task) = rest.popFirst() else { return }
                group.addTask { try await Self.ask(task, for: row, client, board) }
            }
            for _ in 0..<Self.requestsInFlight { addNext() }
            while let answer = try await group.next() {
                if let answer { trouble = answer } else { addNext() }
            }
        }
        note(trouble)
    }

    /// Tells the user when the service goes away and when it is back; once each.
    mutating func note(_ trouble: ServiceError?) {
        if let trouble, !isAway {
            board.notify("\(trouble); imports go on without it, still trying")
        } else if trouble == nil, isAway {
            board.notify("the service answers again")
        }
        isAway = trouble != nil
    }

    /// One question; the answer is the trouble that another try may end.
    private static func ask(
        _ task: TaskID, for row: Int, _ client: ServiceClient, _ board: ProgressBoard
    ) async throws -> ServiceError? {
        do {
            let view = try await client.task(task)
            board.update(row) { $0.apply(view, at: .now) }
        } catch let error as ServiceError where error.isPassing {
            return error
        } catch let error as ServiceError {
            board.update(row) { $0.fail(error.description) }
        }
        return nil
    }
}
