/// Which of the shared connections are there, which are on their way, and who waits for one.
///
/// A slot goes empty → connecting → ready → pausing → connecting …; the first command is what leaves empty.
struct SharedConnectionsState<Connection: Sendable, Waiter: Sendable> {
    private enum Slot {
        case empty
        case connecting
        case pausing
        case ready(Connection)
    }

    enum Choice {
        case use(Connection)
        case wait
        case closed
    }

    private var slots: [Slot]
    private var failures: [Int]
    private var turn = 0
    private var waiters: [Waiter] = []
    private(set) var isClosed = false
    /// Why there is no connection.
    private(set) var lastFailure: String?

    init(slots count: Int) {
        slots = Array(repeating: .empty, count: count)
        failures = Array(repeating: 0, count: count)
    }

    /// The next ready connection in turn.
    mutating func choose() -> Choice {
        if isClosed { return .closed }
        for _ in slots.indices {
            turn = (turn + 1) % slots.count
            if case .ready(let connection) = slots[turn] { return .use(connection) }
        }
        return .wait
    }

    /// As `choose`, but for one who waits if need be; says which slots to connect.
    mutating func choose(orKeep waiter: Waiter) -> (choice: Choice, connect: [Int]) {
        let choice = choose()
        guard case .wait = choice else { return (choice, []) }
        waiters.append(waiter)
        var connect: [Int] = []
        for (index, slot) in slots.enumerated() {
            if case .empty = slot {
                slots[index] = .connecting
                connect.append(index)
            }
        }
        return (choice, connect)
    }

    /// Returns those who can use the connection, or nil when it came too late and must be closed.
    mutating func connected(_ connection: Connection, slot: Int) -> [Waiter]? {
        if isClosed { return nil }
        slots[slot] = .ready(connection)
        defer { waiters = [] }
        return waiters
    }

    /// The attempt of a slot failed, or its connection ended. Returns how often in a row, to pause; nil when closed.
    mutating func lost(slot: Int, reason: String) -> Int? {
        if isClosed { return nil }
        if case .ready = slots[slot] { failures[slot] = 0 }
        failures[slot] += 1
        slots[slot] = .pausing
        lastFailure = reason
        return failures[slot]
    }

    /// The pause is over. Returns false when there is nothing to connect for.
    mutating func resume(slot: Int) -> Bool {
        guard !isClosed, case .pausing = slots[slot] else { return false }
        slots[slot] = .connecting
        return true
    }

    mutating func forget(where isGone: (Waiter) -> Bool) {
        waiters.removeAll(where: isGone)
    }

    mutating func close() -> (connections: [Connection], waiters: [Waiter]) {
        guard !isClosed else { return ([], []) }
        isClosed = true
        defer { waiters = [] }
        let connections = slots.compactMap { slot in
            if case .ready(let connection) = slot { connection } else { nil }
        }
        return (connections, waiters)
    }
}
