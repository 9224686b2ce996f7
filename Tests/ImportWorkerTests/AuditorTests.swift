import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import LeaseStore
import RedisClient
import TestSupport
import Testing

@testable import ImportWorker

/// The online check of what images name against what a store holds.
@Suite struct AuditorTests {
    private func withImages(
        _ count: Int, _ body: (WorkBench, [ImageRecord]) async throws -> Void
    ) async throws {
        try await WorkBench.with { bench in
            _ = try await bench.client.send("HSET", "{test}:control", "catalog_id", WorkBench.catalogID)
            let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: "kept") }
            var images: [ImageRecord] = []
            try await running([try bench.claimLoop()]) {
                for _ in 0..<count {
                    let task = try await bench.queue(server.url())
                    #expect(try await bench.end(of: task.id).state == .success)
                }
            }
            for id in try await bench.store.imageIDs(newestFirst: false, offset: 0, count: count) {
                images.append(try #require(try await bench.store.image(id)))
            }
            try await body(bench, images)
            try await server.stop()
        }
    }

    private func auditor(_ bench: WorkBench) -> Auditor {
        Auditor(store: bench.store, storages: [bench.storage], every: .milliseconds(50), logger: bench.logger)
    }

    private func file(of image: ImageRecord, _ bench: WorkBench) throws -> URL {
        let key = try #require(image.locations[WorkBench.storeID])
        return bench.folder.appendingPathComponent("store/objects/\(key.prefix(2))/\(key)")
    }

    private func counter(_ bench: WorkBench, _ name: String) async throws -> Int64 {
        try await bench.store.counters()[name] ?? 0
    }

    private func look(_ bench: WorkBench, reading: Bool = false) async throws -> [String] {
        let audit = ObjectAudit(
            store: bench.store, storage: bench.storage, digestsOn: reading ? bench.threads : nil)
        let ids = try await bench.store.imageIDs(newestFirst: false, offset: 0, count: 100)
        return try await audit.look(at: ids).faults.map(\.text)
    }

    @Test func aStoreThatHoldsWhatImagesNameIsLookedAtAndNothingIsFound() async throws {
        try await withImages(3) { bench, _ in
            #expect(try await look(bench) == [])
            #expect(try await look(bench, reading: true) == [])
            try await running([auditor(bench)]) {
                try await eventually {
                    let counters = try await bench.store.counters()
                    return counters["audited:objects"] ?? 0 > 9 && counters["audited:images"] ?? 0 > 3
                }
            }
            #expect(try await bench.store.counters().filter { $0.key.hasPrefix("faults:") } == [:])
        }
    }

    @Test func anObjectThatIsMissingIsToldAtEachLook() async throws {
        try await withImages(2) { bench, images in
            try FileManager.default.removeItem(at: try file(of: images[0], bench))
            let faults = try await look(bench)
            #expect(faults.count == 1)
            #expect(faults.first?.contains("is missing") == true)
            try await running([auditor(bench)]) {
                try await eventually { try await counter(bench, "faults:O3") > 2 }
            }
            // No image was touched.
            #expect(try await bench.store.image(images[0].id) == images[0])
        }
    }

    @Test func anObjectThatWasCutShortIsTold() async throws {
        try await withImages(2) { bench, images in
            try Data("kep".utf8).write(to: try file(of: images[1], bench))
            let faults = try await look(bench)
            #expect(faults.count == 1)
            #expect(faults.first?.contains("has 3 bytes instead of 4") == true)
        }
    }

    @Test func otherBytesOfTheSameSizeAreSeenByReadingThem() async throws {
        try await withImages(2) { bench, images in
            try Data("Kept".utf8).write(to: try file(of: images[0], bench))
            #expect(try await look(bench) == [])
            let faults = try await look(bench, reading: true)
            #expect(faults.count == 1)
            #expect(faults.first?.contains("has other bytes") == true)
        }
    }

    @Test func stagedDataThatIsMissingIsTold() async throws {
        try await withImages(0) { bench, _ in
            let image = try await bench.image()
            let key = ObjectKey(image: image.id, nonce: .mint())
            let task = NewTask(
                id: .random(), image: image.id, request: ImportRequest(method: nil, stores: [WorkBench.storeID]),
                owner: "project")
            let digests = ContentDigests(md5: "md5", sha512: "sha512")
            _ = try await bench.store.openUpload(
                task, kind: .stage, nonce: key.nonce, process: bench.identity.id)
            let reply = try await bench.store.publish(
                AttemptID(task: task.id, nonce: key.nonce),
                ImportedContent(sizeBytes: 4, digests: digests, locations: [WorkBench.storeID: key.description]),
                diskFormat: nil, containerFormat: nil, message: "staged")
            #expect(reply == .published)
            #expect(try await look(bench).count == 1)
        }
    }

    @Test func aStoreThatIsNotMountedHasLostNothing() async throws {
        try await withImages(2) { bench, _ in
            let store = bench.folder.appendingPathComponent("store")
            try FileManager.default.moveItem(at: store, to: bench.folder.appendingPathComponent("away"))
            await #expect(throws: StorageError.self) { try await look(bench) }
            await #expect(throws: StorageError.self) { try await auditor(bench).auditObjects(of: bench.storage) }
            #expect(try await counter(bench, "faults:O3") == 0)
        }
    }

    @Test func aStoreOfAnotherCatalogIsNotLookedAt() async throws {
        try await withImages(1) { bench, _ in
            try await bench.storage.setMarker(StoreMarker(catalogId: "another", mark: 0))
            await #expect(throws: StorageError.self) { try await auditor(bench).auditObjects(of: bench.storage) }
        }
    }
}
