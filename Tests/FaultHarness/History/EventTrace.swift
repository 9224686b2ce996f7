package import ImportModel
import NIOCore
package import RedisClient
import Synchronization
import TestSupport

/// Reads the stream of events while the fleet runs, since Redis keeps only the last thousand.
package final class EventTrace: Sendable {
    private struct State {
        var last = "0-0"
        var read: Int64 = 0
        var events: [ImageID: [FleetEvent]] = [:]
    }

    private let state = Mutex(State())
    private let observe: @Sendable (FleetEvent) -> Void

    private init(_ observe: @escaping @Sendable (FleetEvent) -> Void) { self.observe = observe }

    /// Runs `body` beside a reader of the fleet's events.
    /// - Parameter observe: hears of every event once, in order.
    package static func follow<Result: Sendable>(
        _ fleet: Fleet, observe: @escaping @Sendable (FleetEvent) -> Void = { _ in },
        _ body: (EventTrace) async throws -> Result
    ) async throws -> Result {
        let trace = EventTrace(observe)
        return try await withClient(fleet.primary) { redis in
            let reader = Task {
                while !Task.isCancelled {
                    do {
                        try await trace.read(redis)
                        try await trace.more(redis)
                    } catch {
                        // While Redis is away there is nothing to wait for; what follows is read later.
                        try? await Task.sleep(for: .milliseconds(100))
                    }
                }
            }
            defer { reader.cancel() }
            return try await body(trace)
        }
    }

    /// Waits until everything that the stream holds now has been read.
    package func caughtUp(_ fleet: Fleet) async throws {
        let newest = try await fleet.ask(RedisCommand("XREVRANGE", "{longshore}:events", "+", "-", "COUNT", 1))
        guard let id = newest.array?.first?.array?.first?.string else { return }
        try await eventually(within: .seconds(30)) { !Self.isBefore(state.withLock { $0.last }, id) }
    }

    /// Events that were trimmed before they could be read. A trace that has missed any cannot be judged.
    package func missed(_ fleet: Fleet) async throws -> Int64 {
        let reply = try await fleet.ask(RedisCommand("XINFO", "STREAM", "{longshore}:events")).array ?? []
        let added = zip(reply, reply.dropFirst()).first { $0.0.string == "entries-added" }?.1.int ?? 0
        return added - state.withLock { $0.read }
    }

    package func events(of image: ImageID) -> [FleetEvent] { state.withLock { $0.events[image] ?? [] } }

    /// Hands out the events of an image, and forgets them.
    package func take(_ image: ImageID) -> [FleetEvent] {
        state.withLock { $0.events.removeValue(forKey: image) ?? [] }
    }

    /// Waits until the stream holds more than was read, or for a second.
    private func more(_ redis: RedisClient) async throws {
        let last = state.withLock { $0.last }
        let command = RedisCommand("XREAD", "COUNT", 1, "BLOCK", 1000, "STREAMS", "{longshore}:events", last)
        _ = try await redis.sendBlocking(command, timeout: .seconds(5))
    }

    private func read(_ redis: RedisClient) async throws {
        while true {
            let last = state.withLock { $0.last }
            let command = RedisCommand("XRANGE", "{longshore}:events", "(\(last)", "+", "COUNT", 1000)
            let entries = try await redis.pipeline([command])[0].array ?? []
            let events = entries.compactMap(Self.event)
            state.withLock { state in
                state.read += Int64(entries.count)
                state.last = entries.last?.array?.first?.string ?? last
                for event in events { state.events[event.imageId, default: []].append(event) }
            }
            events.forEach(observe)
            guard entries.count == 1000 else { return }
        }
    }

    /// An entry of the stream. Without a task it tells of a fault of the image alone.
    package static func event(_ entry: RedisValue) -> FleetEvent? {
        guard let parts = entry.array, parts.count == 2, let id = parts[0].string, let fields = parts[1].hash(),
            let type = fields["type"], let task = fields["task"],
            let image = fields["image"].flatMap(ImageID.init(rawValue:))
        else { return nil }
        return FleetEvent(
            id: id, type: type, taskId: TaskID(rawValue: task), imageId: image, detail: fields["detail"] ?? "")
    }

    /// Whether one id of a stream stands before another.
    private static func isBefore(_ one: String, _ other: String) -> Bool {
        func numbers(_ id: String) -> [UInt64] { id.split(separator: "-").compactMap { UInt64($0) } }
        return numbers(one).lexicographicallyPrecedes(numbers(other))
    }
}
