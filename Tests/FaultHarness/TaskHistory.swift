package import Foundation
package import ImportModel
import RedisClient

/// What Redis tells of a task and its attempts.
package struct TaskHistory: Sendable {
    package let task: String
    package let record: [String: String]
    /// The ended attempts, oldest first; the last 32.
    package let attempts: [AttemptRecord]

    /// All tasks of a fleet.
    package static func all(in fleet: Fleet) async throws -> [TaskHistory] {
        let sets = try await fleet.ask(
            ["live", "done"].map { RedisCommand("ZRANGE", "{longshore}:\($0)", 0, -1) })
        let ids = sets.flatMap { $0.array ?? [] }.compactMap(\.string)
        let replies = try await fleet.ask(
            ids.flatMap {
                [
                    RedisCommand("HGETALL", "{longshore}:task:\($0)"),
                    RedisCommand("LRANGE", "{longshore}:task:\($0):history", 0, -1),
                ]
            })
        return try ids.indices.map { index in
            let lines = replies[2 * index + 1].array ?? []
            return TaskHistory(
                task: ids[index], record: replies[2 * index].hash() ?? [:],
                attempts: try lines.map {
                    try JSONDecoder().decode(AttemptRecord.self, from: Data(($0.string ?? "").utf8))
                })
        }
    }

    /// All claims of the task. More than 32 are not all told of.
    package var claims: Int { record["attempt"].flatMap { Int($0) } ?? 0 }
    package var spent: Int { record["spent"].flatMap { Int($0) } ?? 0 }
}

extension AttemptRecord {
    /// Whether it was ended by a recoverer, since its worker was dead or silent.
    package var wasRecovered: Bool { reason.hasPrefix("the process that ran it is gone") || wasSilent }
    /// Whether it was its silence that ended it.
    package var wasSilent: Bool { reason.hasPrefix("no heartbeat for ") }
    /// Whether a draining worker gave it back.
    package var wasReleased: Bool { reason.contains("given back") }
}

extension Date {
    /// Milliseconds since 1970, as Redis keeps times.
    package var milliseconds: Int64 { Int64(timeIntervalSince1970 * 1000) }
}
