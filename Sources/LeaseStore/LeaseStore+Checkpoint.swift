package import ImportModel
import RedisClient

/// What another attempt needs to go on where one is: a value that only workers read, and the objects it speaks of.
package struct KeptCheckpoint: Hashable, Sendable {
    /// What Redis keeps of a value at most, in bytes.
    package static let maxBytes = 16_384

    package var value: String
    /// Keys of objects in the making: an attempt's own, or those that were handed over to it.
    package var objects: [StoreID: String]

    package init(value: String, objects: [StoreID: String]) {
        self.value = value
        self.objects = objects
    }
}

extension KeptCheckpoint {
    /// What a claim found beside its task's hash; `nil` where there is none, or none that can be read: then the attempt
    /// begins anew.
    init?(value: String?, hash: [String: String]) {
        guard let value, let kept = hash["kept"] else { return nil }
        var objects: [StoreID: String] = [:]
        for object in kept.split(separator: ",") {
            let parts = object.split(separator: " ")
            guard parts.count == 2, let store = StoreID(rawValue: String(parts[0])) else { return nil }
            objects[store] = String(parts[1])
        }
        self.init(value: value, objects: objects)
    }
}

extension LeaseStore {
    /// Keeps `checkpoint` in place of what was kept before: what that named, and this one does not, is garbage.
    ///
    /// - Returns: why the lease is lost, or `nil` while it is held.
    /// - Throws: `.full` where Redis takes nothing more: then what was kept before stays.
    package func keep(_ checkpoint: KeptCheckpoint, of attempt: AttemptID) async throws -> LostLease? {
        Failpoint.reach(.checkpointSent)
        let objects = checkpoint.objects.sorted { $0.key < $1.key }.flatMap { [$0.key.rawValue, $0.value] }
        let reply = try await call(
            Scripts.importCheckpoint, [attempt.task.rawValue, attempt.nonce.rawValue, checkpoint.value] + objects)
        Failpoint.reach(.checkpointAnswered)
        switch reply.word {
        case "kept": return nil
        case "lost": return try reply.lostLease()
        default: throw reply.unknown
        }
    }

    /// Forgets what was kept: the attempt begins anew. What was handed over to it is garbage.
    ///
    /// - Parameter reason: for people.
    /// - Returns: why the lease is lost, or `nil` while it is held.
    package func forgetCheckpoint(of attempt: AttemptID, because reason: String) async throws -> LostLease? {
        let reply = try await call(
            Scripts.checkpointForget, [attempt.task.rawValue, attempt.nonce.rawValue, reason])
        switch reply.word {
        case "forgotten": return nil
        case "lost": return try reply.lostLease()
        default: throw reply.unknown
        }
    }
}
