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
    /// What Redis is at the same moment.
    package var catalog: CatalogState
}

/// Which catalog Redis has now, and how far it has come: what the marker in a store is compared with.
package struct CatalogState: Hashable, Sendable {
    /// `nil`: none, as after a `FLUSHALL`.
    package var id: String?
    /// Grows with every image, import and upload that begins, with every publish, and with every location that comes or goes.
    package var sequence: Int64
}

extension LeaseStore {
    /// Names what an attempt may have written and nobody should name; what is in use is left alone. Durable: who has
    /// named it forgets it.
    package func nameGarbage(_ objects: [(store: StoreID, key: String)]) async throws {
        guard !objects.isEmpty else { return }
        Failpoint.reach(.garbageSent)
        let reply = try await call(
            Scripts.garbageName, objects.flatMap { [$0.store.rawValue, $0.key] }, isDurable: true)
        Failpoint.reach(.garbageAnswered)
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
        return GarbageBatch(
            entries: entries, total: Int(try reply.int(1)),
            catalog: CatalogState(id: try reply.optionalString(reply.count - 1), sequence: try reply.int(0)))
    }

    /// Which of these objects of `store` nothing names, and nobody has called garbage yet. Changes nothing.
    package func strays(among keys: [String], in store: StoreID) async throws -> [String] {
        guard !keys.isEmpty else { return [] }
        let reply = try await call(Scripts.garbageCheck, [store.rawValue] + keys)
        guard reply.word == "strays" else { throw reply.unknown }
        return try (0..<reply.count).map { index in
            let position = Int(try reply.int(index))
            guard keys.indices.contains(position) else { throw reply.malformed("there is no object \(position)") }
            return keys[position]
        }
    }

    /// What Redis has now, not what a process remembers of its start.
    package func catalogState() async throws -> CatalogState {
        let reply = try await read([RedisCommand("HMGET", keys.control, "catalog_id", "sequence")])
        let values = reply.first?.array ?? []
        guard values.count == 2 else { throw LeaseStoreError.malformed(reason: "HMGET answered without two values") }
        return CatalogState(id: values[0].string, sequence: values[1].int ?? 0)
    }

    /// Whether a store has been set up for this catalog, by whatever process.
    package func isStoreKnown(_ store: StoreID) async throws -> Bool {
        let reply = try await read([RedisCommand("HGET", keys.control, "store:\(store)")])
        return reply.first?.string == "1"
    }

    /// Remembers that a store has been set up.
    package func noteStore(_ store: StoreID) async throws {
        guard try await call(Scripts.storeNote, [store.rawValue], isDurable: true).word == "noted" else {
            throw LeaseStoreError.malformed(reason: "store-note")
        }
    }

    /// Reports garbage as removed; an entry that was named again meanwhile stays.
    package func finishGarbage(of store: StoreID, _ entries: [GarbageBatch.Entry]) async throws {
        guard !entries.isEmpty else { return }
        let reply = try await call(
            Scripts.garbageDone, [store.rawValue] + entries.flatMap { [$0.key, $0.score] })
        guard reply.word == "done" else { throw reply.unknown }
    }
}
