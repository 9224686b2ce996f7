import ImportModel
import NIOCore
import Synchronization

/// The connections of a service, for its end.
final class OpenConnections: Sendable {
    /// Ends a connection at once, whatever it is in the middle of.
    struct Cut: Sendable {}

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isStopping = false
        var cut: Scheduled<Void>?
    }

    private let state = Mutex(State())

    /// Whether nothing but what has begun is served any more.
    var isStopping: Bool { state.withLock { $0.isStopping } }

    func add(_ channel: any Channel) {
        let key = ObjectIdentifier(channel)
        state.withLock { $0.channels[key] = channel }
        channel.closeFuture.whenComplete { [self] _ in state.withLock { $0.channels[key] = nil } }
    }

    /// Leaves the connections this long for what they have begun.
    func stop(within limit: Duration, on loop: any EventLoop) {
        let cut = loop.scheduleTask(in: .milliseconds(limit.wholeMilliseconds)) { [self] in
            for channel in state.withLock({ Array($0.channels.values) }) {
                channel.pipeline.fireUserInboundEventTriggered(Cut())
            }
        }
        state.withLock { state in
            state.isStopping = true
            state.cut = cut
        }
    }

    /// To be called when there are none left.
    func end() { state.withLock { $0.cut }?.cancel() }
}
