import DiskImage
import Foundation
package import ImageStorage
package import ImportModel

/// Where a run was when all of its stores had the bytes up to there for good: what another run goes on with.
package struct StreamCheckpoint: Sendable, Codable {
    /// How many bytes have been received, digested, inspected and stored.
    package let offset: Int64
    /// Of the digests' saved states.
    let edition: UInt64
    let digests: [String: Data]
    let inspector: DiskImageInspector
    private let objects: [String: UnfinishedObject]

    /// The object in the making of each store.
    package var stores: [StoreID: UnfinishedObject] {
        var stores: [StoreID: UnfinishedObject] = [:]
        for (name, object) in objects { if let id = StoreID(rawValue: name) { stores[id] = object } }
        return stores
    }

    init(
        offset: Int64, digests: [DigestAlgorithm: [UInt8]], inspector: DiskImageInspector,
        stores: [StoreID: UnfinishedObject]
    ) {
        self.offset = offset
        edition = StreamDigest.edition
        self.digests = Dictionary(uniqueKeysWithValues: digests.map { ($0.key.rawValue, Data($0.value)) })
        self.inspector = inspector
        objects = Dictionary(uniqueKeysWithValues: stores.map { ($0.key.rawValue, $0.value) })
    }

    /// The digest, half-way; `nil` if it was not taken, or was saved by what this process cannot go on with.
    func digest(_ algorithm: DigestAlgorithm) -> StreamDigest? {
        guard edition == StreamDigest.edition, let saved = digests[algorithm.rawValue] else { return nil }
        return StreamDigest(algorithm, saved: [UInt8](saved), after: offset)
    }

    /// Whether a run that takes these digests and writes to these stores can go on from here.
    func suits(_ algorithms: Set<DigestAlgorithm>, _ targets: Set<StoreID>) -> Bool {
        offset > 0 && inspector.position == UInt64(offset) && Set(stores.keys) == targets
            && algorithms.allSatisfy { digest($0) != nil }
    }
}

/// When checkpoints are taken, and who keeps them.
package struct CheckpointPlan: Sendable {
    /// How many bytes lie between two, at least.
    let everyBytes: Int64
    /// Whether one is wanted as soon as it can be had.
    let isUrgent: @Sendable () -> Bool
    let keep: @Sendable (StreamCheckpoint) async throws -> Void

    /// - Parameter keep: what it throws ends the run.
    package init(
        everyBytes: Int64, isUrgent: @escaping @Sendable () -> Bool = { false },
        keep: @escaping @Sendable (StreamCheckpoint) async throws -> Void
    ) {
        self.everyBytes = everyBytes
        self.isUrgent = isUrgent
        self.keep = keep
    }
}

/// A run cannot go on from a checkpoint. Nothing has been read from its source.
package struct CannotContinue: Error, CustomStringConvertible {
    package let description: String
    /// Whether something has been written under the run's key, so that nothing can be begun under it any more.
    package var isBegun = false
}
