import NIOCore
import Testing

@testable import RedisClient

@Suite struct PendingRepliesTests {
    @Test("replies go to the requests in their order")
    func order() {
        var pending = PendingReplies<String>()
        pending.wrote("a", replies: 2, deadline: .uptimeNanoseconds(5))
        pending.wrote("b", replies: 1, deadline: .uptimeNanoseconds(9))
        #expect(pending.deadline == .uptimeNanoseconds(5))
        guard case .partial = pending.receive(.integer(1)) else { return #expect(Bool(false), "too early") }
        guard case .complete("a", [.integer(1), .integer(2)]) = pending.receive(.integer(2)) else {
            return #expect(Bool(false), "not a")
        }
        #expect(pending.deadline == .uptimeNanoseconds(9))
        guard case .complete("b", [.null]) = pending.receive(.null) else { return #expect(Bool(false), "not b") }
        guard case .unsolicited = pending.receive(.null) else { return #expect(Bool(false), "nobody asked") }
        #expect(pending.isEmpty)
    }

    @Test("the end leaves nobody waiting")
    func end() {
        var pending = PendingReplies<String>()
        pending.wrote("a", replies: 1, deadline: .uptimeNanoseconds(1))
        pending.wrote("b", replies: 1, deadline: .uptimeNanoseconds(1))
        #expect(pending.removeAll() == ["a", "b"])
        #expect(pending.isEmpty && pending.deadline == nil)
    }
}

@Suite struct SharedConnectionsStateTests {
    typealias State = SharedConnectionsState<String, Int>

    @Test("the first command connects all slots and waits for the first of them")
    func start() {
        var state = State(slots: 2)
        guard case .wait = state.choose() else { return #expect(Bool(false), "there is none") }
        #expect(state.choose(orKeep: 1).connect == [0, 1])
        #expect(state.choose(orKeep: 2).connect == [])
        #expect(state.connected("x", slot: 1) == [1, 2])
        #expect(state.connected("y", slot: 0) == [])
    }

    @Test("commands take ready connections in turn")
    func turns() {
        var state = State(slots: 3)
        _ = state.choose(orKeep: 1)
        _ = state.connected("a", slot: 0)
        _ = state.connected("c", slot: 2)
        let chosen = (0..<4).map { _ in if case .use(let name) = state.choose() { name } else { "" } }
        #expect(chosen == ["c", "a", "c", "a"])
    }

    @Test("failures in a row are counted, and a connection that stood ends the row")
    func failures() {
        var state = State(slots: 1)
        _ = state.choose(orKeep: 1)
        #expect(state.lost(slot: 0, reason: "x") == 1)
        #expect(state.resume(slot: 0) == true)
        #expect(state.resume(slot: 0) == false)
        #expect(state.lost(slot: 0, reason: "y") == 2)
        #expect(state.lastFailure == "y")
        #expect(state.resume(slot: 0) == true)
        #expect(state.connected("a", slot: 0) == [1])
        #expect(state.lost(slot: 0, reason: "z") == 1)
    }

    @Test("after the close nothing is kept, and what comes late is refused")
    func close() {
        var state = State(slots: 2)
        _ = state.choose(orKeep: 1)
        _ = state.connected("a", slot: 0)
        _ = state.lost(slot: 0, reason: "x")
        _ = state.choose(orKeep: 2)
        state.forget { $0 == 3 }
        let (connections, waiters) = state.close()
        #expect(connections == [] && waiters == [2])
        #expect(state.connected("b", slot: 1) == nil)
        #expect(state.lost(slot: 1, reason: "x") == nil)
        #expect(state.resume(slot: 0) == false)
        guard case .closed = state.choose() else { return #expect(Bool(false), "closed") }
    }
}

@Suite struct LendingStateTests {
    final class Item: Sendable {}
    typealias State = LendingState<Item, Int>

    @Test("room is bounded and goes to those who waited longest")
    func room() {
        var state = State(limit: 1)
        guard case .granted = state.takeRoom(orKeep: 1) else { return #expect(Bool(false), "there is room") }
        for waiter in 2...4 {
            guard case .wait = state.takeRoom(orKeep: waiter) else { return #expect(Bool(false), "no room") }
        }
        state.forget { $0 == 2 }
        #expect(state.leaveRoom() == 3)
        #expect(state.leaveRoom() == 4)
        #expect(state.leaveRoom() == nil)
        guard case .granted = state.takeRoom() else { return #expect(Bool(false), "there is room again") }
    }

    @Test("the connection used last is lent first, and old ones are given up")
    func idle() {
        var state = State(limit: 3, idleLimit: .nanoseconds(10))
        let items = (0..<3).map { _ in Item() }
        for (index, item) in items.enumerated() {
            #expect(state.lend(item) == true)
            #expect(state.giveBack(item, isReusable: true, now: .uptimeNanoseconds(UInt64(index * 10))) == true)
        }
        let (connection, stale) = state.takeIdle(now: .uptimeNanoseconds(20))
        #expect(connection === items[2])
        #expect(stale.count == 1 && stale.first === items[0])
        #expect(state.lend(items[2]) == true)
        #expect(state.giveBack(items[2], isReusable: false, now: .uptimeNanoseconds(20)) == false)
    }

    @Test("the close names idle and lent connections, and takes none back")
    func close() {
        var state = State(limit: 3)
        let (lent, idle) = (Item(), Item())
        #expect(state.lend(lent) == true)
        #expect(state.lend(idle) == true)
        #expect(state.giveBack(idle, isReusable: true, now: .uptimeNanoseconds(1)) == true)
        #expect(state.close().connections.count == 2)
        #expect(state.giveBack(lent, isReusable: true, now: .uptimeNanoseconds(1)) == false)
        #expect(state.lend(idle) == false)
        guard case .closed = state.takeRoom() else { return #expect(Bool(false), "closed") }
    }
}

@Suite struct BackoffTests {
    @Test("the bound doubles up to the cap, and delays stay below it")
    func bounds() {
        let backoff = Backoff()
        #expect(backoff.bound(afterFailures: 1) == .milliseconds(50))
        #expect(backoff.bound(afterFailures: 3) == .milliseconds(200))
        #expect(backoff.bound(afterFailures: 100_000) == .seconds(2))
        #expect(Backoff(patience: .milliseconds(300)).bound(afterFailures: 100_000) == .milliseconds(300))
        for failures in 1...20 {
            #expect((.zero...backoff.bound(afterFailures: failures)).contains(backoff.delay(afterFailures: failures)))
        }
    }
}
