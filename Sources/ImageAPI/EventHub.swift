import ImportModel
import LeaseStore
import Logging
import ServiceLifecycle
import Synchronization

/// Reads the fleet's events once for the whole process and hands them to everybody who listens.
final class EventHub: Service {
    enum Item: Sendable {
        case event(FleetEvent)
        /// Nothing happened for a while; a sign of life is due.
        case quiet
    }

    static let maxListeners = 200
    /// A listener that is further behind than this is let go; it comes back with the id of its last event.
    static let maxBehind = 1000
    private static let quietAfter = Duration.seconds(15)

    private struct State {
        var listeners: [Int: AsyncStream<Item>.Continuation] = [:]
        var next = 0
    }

    private let store: LeaseStore
    private let logger: Logger
    private let state = Mutex(State())

    init(store: LeaseStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await self.read() }
    }

    private func read() async throws {
        defer { state.withLock { $0.listeners.values.forEach { $0.finish() } } }
        var last: String?
        while !Task.isCancelled {
            do {
                let from: String
                if let last { from = last } else { from = try await store.lastEventID() }
                last = from
                let events = try await store.events(after: from, atMost: Self.quietAfter)
                last = events.last?.id ?? from
                for event in events { broadcast(.event(event)) }
                if events.isEmpty { broadcast(.quiet) }
            } catch is CancellationError {
                return
            } catch {
                logger.warning("events cannot be read right now", metadata: ["cause": "\(error)"])
                broadcast(.quiet)
                // Cancellation ends the pause and then the loop.
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func broadcast(_ item: Item) {
        for (id, listener) in state.withLock({ $0.listeners }) {
            guard case .dropped = listener.yield(item) else { continue }
            state.withLock { $0.listeners[id] = nil }
            listener.finish()
        }
    }

    /// Everything from now on; `nil` when there are too many listeners. Dropping the stream is enough to end it.
    func listen() -> (items: AsyncStream<Item>, end: @Sendable () -> Void)? {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Item.self, bufferingPolicy: .bufferingOldest(Self.maxBehind))
        let id: Int? = state.withLock { state in
            guard state.listeners.count < Self.maxListeners else { return nil }
            state.next += 1
            state.listeners[state.next] = continuation
            return state.next
        }
        guard let id else { return nil }
        continuation.onTermination = { [weak self] _ in
            self?.forget(id)
        }
        return (stream, { continuation.finish() })
    }

    private func forget(_ id: Int) {
        // Taken out under the lock, let go outside: the end of a stream may call back here.
        let listener = state.withLock { $0.listeners.removeValue(forKey: id) }
        _ = listener
    }
}
