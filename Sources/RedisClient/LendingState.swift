import NIOCore

/// Who holds a connection of their own, which connections lie idle, and who waits for room.
struct LendingState<Connection: AnyObject & Sendable, Waiter: Sendable> {
    enum Room {
        case granted
        case wait
        case closed
    }

    private let limit: Int
    /// How long a connection may lie idle.
    private let idleLimit: TimeAmount
    /// Grants of room that are out; one that is handed on to a waiter stays out.
    private var granted = 0
    private var waiters: [Waiter] = []
    /// Longest idle first.
    private var idle: [(connection: Connection, since: NIODeadline)] = []
    private var lent: [ObjectIdentifier: Connection] = [:]
    private(set) var isClosed = false

    init(limit: Int, idleLimit: TimeAmount = .seconds(60)) {
        self.limit = limit
        self.idleLimit = idleLimit
    }

    mutating func takeRoom() -> Room {
        if isClosed { return .closed }
        guard granted < limit else { return .wait }
        granted += 1
        return .granted
    }

    /// As `takeRoom`, but keeps one who must wait.
    mutating func takeRoom(orKeep waiter: Waiter) -> Room {
        let room = takeRoom()
        if case .wait = room { waiters.append(waiter) }
        return room
    }

    /// Hands the room on to who is returned, or gives it back. When that one has gone, call again.
    mutating func leaveRoom() -> Waiter? {
        if !waiters.isEmpty { return waiters.removeFirst() }
        granted -= 1
        return nil
    }

    mutating func forget(where isGone: (Waiter) -> Bool) {
        waiters.removeAll(where: isGone)
    }

    /// The idle connection that was used last, and those that have been idle for too long, to be closed.
    mutating func takeIdle(now: NIODeadline) -> (connection: Connection?, stale: [Connection]) {
        let stale = idle.prefix { now - $0.since > idleLimit }.map(\.connection)
        idle.removeFirst(stale.count)
        return (idle.popLast()?.connection, stale)
    }

    /// Returns false when the pool was closed meanwhile, and the connection must be, too.
    mutating func lend(_ connection: Connection) -> Bool {
        if isClosed { return false }
        lent[ObjectIdentifier(connection)] = connection
        return true
    }

    /// Returns false when the connection must be closed.
    mutating func giveBack(_ connection: Connection, isReusable: Bool, now: NIODeadline) -> Bool {
        lent[ObjectIdentifier(connection)] = nil
        guard isReusable, !isClosed else { return false }
        idle.append((connection, now))
        return true
    }

    mutating func close() -> (connections: [Connection], waiters: [Waiter]) {
        guard !isClosed else { return ([], []) }
        isClosed = true
        defer { (idle, lent, waiters) = ([], [:], []) }
        return (idle.map(\.connection) + lent.values, waiters)
    }
}
