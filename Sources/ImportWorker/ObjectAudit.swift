package import ImageStorage
package import ImportModel
import ImportPipeline
package import LeaseStore
import NIOCore
package import NIOPosix

/// Whether the bytes that images name are there: with the recorded size, and where it is asked for with the recorded
/// digests. Changes nothing in the store; what is broken is counted, and nobody can repair it.
package struct ObjectAudit: Sendable {
    private let store: LeaseStore
    private let storage: any ImageStorage
    /// For digests; `nil`: sizes only.
    private let threads: NIOThreadPool?

    package init(store: LeaseStore, storage: any ImageStorage, digestsOn threads: NIOThreadPool? = nil) {
        self.store = store
        self.storage = storage
        self.threads = threads
    }

    /// Looks at the objects of these images in this store.
    ///
    /// - Parameter onRead: told how many bytes more have been read.
    /// - Throws: `StorageError`, `LeaseStoreError`: then nothing is known, and nothing was counted.
    package func look(
        at ids: [ImageID], onRead: (Int) async -> Void = { _ in }
    ) async throws -> AuditReport {
        var looked = 0
        var broken: [BrokenObject] = []
        for expected in try await store.images(ids).flatMap(objects) {
            looked += 1
            if let text = try await problem(expected, onRead) {
                broken.append(BrokenObject(key: expected.key, text: text))
            }
            try Task.checkCancellation()
        }
        guard looked > 0 else { return AuditReport() }
        // A folder that was unmounted in the meantime has lost nothing.
        if !broken.isEmpty { try await expectOwnStore() }
        return try await store.reportObjects(of: storage.id, looked: looked, broken: broken)
    }

    /// - Throws: `StorageError` unless the store is there, and is the one of the catalog that Redis has.
    package func expectOwnStore() async throws {
        let catalog = try await store.catalogState().id
        guard let marker = try await storage.marker() else {
            throw StorageError.misconfigured(storage.id, reason: "it has no marker; is its folder mounted?")
        }
        guard marker.catalogId == catalog else {
            throw StorageError.misconfigured(
                storage.id, reason: "it belongs to the catalog \(marker.catalogId), Redis has \(catalog ?? "none")")
        }
    }

    private struct Expected {
        var key: String
        var sizeBytes: Int64?
        var digests: ContentDigests?
    }

    private func objects(of image: ImageRecord) -> [Expected] {
        var objects: [Expected] = []
        if let key = image.locations[storage.id] {
            objects.append(Expected(key: key, sizeBytes: image.sizeBytes, digests: image.digests))
        }
        if let stage = image.stage, stage.store == storage.id {
            objects.append(Expected(key: stage.key, sizeBytes: stage.sizeBytes, digests: stage.digests))
        }
        return objects
    }

    /// What is wrong with an object, in words; `nil`: nothing.
    private func problem(_ expected: Expected, _ onRead: (Int) async -> Void) async throws -> String? {
        guard let key = ObjectKey(expected.key) else { return "has a key that no version ever wrote" }
        guard let size = try await storage.size(key) else { return "is missing" }
        guard size == expected.sizeBytes else {
            return "has \(size) bytes instead of \(expected.sizeBytes.map(String.init) ?? "a recorded number")"
        }
        guard let threads else { return nil }
        guard let digests = expected.digests else { return "has no recorded digests" }
        let found: ContentDigests
        do {
            found = try await read(key, threads, onRead)
        } catch StorageError.notFound {
            return "is missing"
        }
        return found == digests ? nil : "has other bytes: sha512 \(found.sha512) instead of \(digests.sha512)"
    }

    private func read(
        _ key: ObjectKey, _ threads: NIOThreadPool, _ onRead: (Int) async -> Void
    ) async throws -> ContentDigests {
        var digests = (md5: StreamDigest(.md5), sha512: StreamDigest(.sha512))
        for try await block in try await storage.read(key, range: nil) {
            digests = try await threads.runIfActive { [digests] in
                var next = digests
                next.md5.update(block)
                next.sha512.update(block)
                return next
            }
            await onRead(block.readableBytes)
        }
        return ContentDigests(md5: digests.md5.finalize(), sha512: digests.sha512.finalize())
    }
}
