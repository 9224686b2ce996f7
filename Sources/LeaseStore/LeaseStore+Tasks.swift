import Foundation
package import ImportModel
import RedisClient

package enum CancelReply: Hashable, Sendable {
    case cancelled
    case terminal(TaskState)
    case noTask
}

extension LeaseStore {
    /// Ends a task at once; durable once it returns, and nothing is published after that.
    package func cancel(_ id: TaskID, message: String) async throws -> CancelReply {
        let reply = try await call(Scripts.importCancel, [id.rawValue, message], isDurable: true)
        switch reply.word {
        case "cancelled": return .cancelled
        case "no-task": return .noTask
        case "terminal":
            guard let state = TaskState(rawValue: try reply.string(0)) else {
                throw reply.malformed("an unknown state")
            }
            return .terminal(state)
        default: throw reply.unknown
        }
    }

    package func task(_ id: TaskID) async throws -> TaskRecord? {
        try await tasks([id]).first
    }

    /// The tasks of these ids that exist, in their order; one round trip.
    package func tasks(_ ids: [TaskID]) async throws -> [TaskRecord] {
        let replies = try await read(ids.map { RedisCommand("HGETALL", keys.task($0)) })
        var tasks: [TaskRecord] = []
        for (id, reply) in zip(ids, replies) {
            guard let hash = reply.hash() else {
                throw LeaseStoreError.malformed(reason: "task \(id) is no hash of texts")
            }
            if let task = try TaskRecord(id: id, hash: hash) { tasks.append(task) }
        }
        return tasks
    }

    /// A task's ended attempts, oldest first (the last 32).
    package func history(_ id: TaskID) async throws -> [AttemptRecord] {
        let reply = try await read([RedisCommand("LRANGE", keys.history(id), 0, -1)])
        return (reply.first?.array ?? []).compactMap { line in
            // A line that another version wrote is left out rather than hide the others.
            line.bytes.flatMap { try? JSONDecoder().decode(AttemptRecord.self, from: Data($0)) }
        }
    }

    /// The tasks of an image, oldest first.
    package func tasks(of image: ImageID) async throws -> [TaskRecord] {
        let reply = try await read([RedisCommand("ZRANGE", keys.imageTasks(image), 0, -1)])
        return try await tasks((reply.first?.array ?? []).compactMap { $0.string.flatMap(TaskID.init(rawValue:)) })
    }

    /// Up to `count` tasks, newest first, that come after `marker`.
    ///
    /// Live and finished tasks are two sets; both are ordered by creation, and merged here.
    package func tasks(after marker: TaskID?, count: Int, liveOnly: Bool = false) async throws -> [TaskRecord] {
        var last: (at: Int64, id: String)?
        if let marker {
            guard let task = try await task(marker) else { return [] }
            last = (task.createdAtMs, marker.rawValue)
        }
        let bound = last.map { String($0.at) } ?? "+inf"
        // Tasks of the marker's own millisecond are fetched again and dropped, so a few more are asked for.
        let sets = liveOnly ? [keys.live] : [keys.live, keys.done]
        let replies = try await read(
            sets.map {
                RedisCommand("ZREVRANGEBYSCORE", $0, bound, "-inf", "WITHSCORES", "LIMIT", 0, count + 1000)
            })
        // A task that ends between the two reads is in both.
        var entries: [String: Int64] = [:]
        for values in replies.compactMap(\.array) {
            for index in stride(from: 0, to: values.count - 1, by: 2) {
                guard let id = values[index].string, let score = values[index + 1].string.flatMap({ Double($0) }),
                    let at = Int64(exactly: score.rounded(.down))
                else { continue }
                entries[id] = at
            }
        }
        let page = entries.map { (at: $0.value, id: $0.key) }
            .filter { entry in last.map { entry < $0 } ?? true }
            .sorted { $0 > $1 }
            .prefix(count)
        return try await tasks(page.compactMap { TaskID(rawValue: $0.id) })
    }
}
