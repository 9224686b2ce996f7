package import ImportModel
import RedisClient

/// Garbage that may be removed now, and the score by which its removal is reported.
package struct GarbageBatch: Sendable {
    package struct Entry: Hashable, Sendable {
        package var key: String
        package var score: String
    }

    package var entries: [Entry]
    /// Garbage of all stores, whatever its age.
    package var total: Int
    /// Tasks that this Redis has ever queued: what the mark in a store is compared with.
    package var sequence: Int64
}

extension LeaseStore {
    /// Names what an attempt may have written and nobody should name; what is in use is left alone.
    package func nameGarbage(_ objects: [(store: StoreID, key: String)]) async throws {
        guard !objects.isEmpty else { return }
        let reply = try await call(Scripts.garbageName, objects.flatMap { [$0.store.rawValue, $0.key] })
        guard reply.word == "named" else { throw reply.unknown }
    }

    /// Garbage of `store` that is older than `age` and, asked again, named by nothing. Durable.
    package func takeGarbage(of store: StoreID, olderThan age: Duration, atMost limit: Int) async throws -> GarbageBatch
    {
        let reply = try await call(
            Scripts.garbageTake, [age.argument, limit, store.rawValue], isDurable: true)
        guard reply.word == "taken" else { throw reply.unknown }
        var entries: [GarbageBatch.Entry] = []
        for index in stride(from: 2, to: reply.count - 1, by: 2) {
            entries.append(.init(key: try reply.string(index), score: try reply.string(index + 1)))
        }
        return GarbageBatch(entries: entries, total: Int(try reply.int(1)), sequence: try reply.int(0))
    }

    /// Reports garbage as removed; an entry that was named again meanwhile stays.
    package func finishGarbage(of store: StoreID, _ entries: [GarbageBatch.Entry]) async throws {
        guard !entries.isEmpty else { return }
        let reply = try await call(
            Scripts.garbageDone, [store.rawValue] + entries.flatMap { [$0.key, $0.score] })
        guard reply.word == "done" else { throw reply.unknown }
    }
}
