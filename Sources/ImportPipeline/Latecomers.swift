import NIOCore
import NIOPosix
import Synchronization

/// The stores that are still at something another one has done already, and that the run can do without.
package final class Latecomers: Sendable {
    private struct State {
        var leave: [@Sendable (Duration) -> Void] = []
        var timer: Scheduled<Void>?
        var isOver = false
    }

    private let state = Mutex(State())

    /// - Parameter leave: ends a wait, unless it is over; told how long it was waited for.
    func add(_ leave: @escaping @Sendable (Duration) -> Void) { state.withLock { $0.leave.append(leave) } }

    /// The first store has done it: the others have so much longer. To be called once for all stores to be waited for.
    func wait(for limit: Duration) {
        state.withLock { state in
            guard state.timer == nil, !state.isOver else { return }
            state.timer = MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: TimeAmount(limit)) { [self] in
                for leave in self.state.withLock(\.leave) { leave(limit) }
            }
        }
    }

    /// Nobody is waited for any more.
    func end() {
        state.withLock { state in
            state.timer?.cancel()
            state.isOver = true
            state.leave = []
        }
    }
}
