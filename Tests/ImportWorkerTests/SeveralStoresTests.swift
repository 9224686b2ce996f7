import FilesystemStorage
import Foundation
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import NIOCore
import RedisClient
import StorageConformance
import TestSupport
import Testing

@testable import ImportWorker

/// Imports into more than one store, of which some do not do what they are asked.
@Suite struct SeveralStoresTests {
    private static let second = WorkBench.id("second")
    private static let bytes = "the bytes of an image"

    /// A second store beside the bench's; without its marker it refuses every object, as a folder that is not mounted.
    private func second(_ bench: WorkBench, isUsable: Bool = true) async throws -> FilesystemStorage {
        let storage = FilesystemStorage(
            id: Self.second, root: bench.folder.path + "/second", threads: bench.threads)
        if isUsable { try await storage.setMarker(StoreMarker(catalogId: WorkBench.catalogID, mark: 0)) }
        return storage
    }

    private func withSource(_ body: (String) async throws -> Void) async throws {
        let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: Self.bytes) }
        let result = await Result { try await body(server.url()) }
        try await server.stop()
        try result.get()
    }

    private func claim(_ bench: WorkBench) async throws -> Claim {
        let reply = try await bench.store.claim(
            nonce: .mint(), process: bench.identity.id, stores: [WorkBench.storeID, Self.second])
        guard case .task(let claim) = reply else { throw InvalidValue("nothing was claimed") }
        return claim
    }

    private func image(_ task: TaskRecord, _ bench: WorkBench) async throws -> ImageRecord {
        try #require(try await bench.store.image(task.image))
    }

    @Test func `a store that hangs and is not needed costs the import only itself`() async throws {
        try await WorkBench.with { bench in
            try await withSource { url in
                let hanging = WatchedStorage(try await second(bench))
                let task = try await bench.queue(url, into: [WorkBench.storeID, Self.second], mustAll: false)
                let loop = try bench.claimLoop(stall: .seconds(4), beside: [hanging])
                let ended = await Result { try await running([loop]) { try await bench.end(of: task.id) } }
                let image = try await image(task, bench)
                // What was named has been swept; then the store writes after all.
                try await bench.client.send("DEL", "{test}:garbage")
                hanging.release()
                let end = try ended.get()
                #expect(end.result == .success, "\(end.message)")
                #expect(end.attempt == 1)
                #expect(image.locations.keys.elementsEqual([WorkBench.storeID]))
                #expect(image.failedStores == [Self.second])
                let key = try #require(image.locations[WorkBench.storeID])
                try await eventually { try await garbage(bench) == ["second \(key)"] }
            }
        }
    }

    @Test func `a store that hangs and is needed ends the attempt, which says so`() async throws {
        try await WorkBench.with { bench in
            try await withSource { url in
                let hanging = WatchedStorage(try await second(bench))
                let runner = try bench.runner(stall: .seconds(2), beside: [hanging])
                _ = try await bench.queue(url, into: [WorkBench.storeID, Self.second])
                let claim = try await claim(bench)
                let outcome = await runner.run(claim, heldSince: .now, drain: OneShot())
                hanging.release()
                guard case .retry(let reason, _) = outcome else { throw InvalidValue("\(outcome)") }
                #expect(reason.contains("store 'second' is not available: writing a block has not ended"))
                #expect(try await bench.store.image(claim.task.image)?.status == .importing)
            }
        }
    }

    @Test func `a commit may take longer than a stall`() async throws {
        try await WorkBench.with { bench in
            try await withSource { url in
                let slow = WatchedStorage(bench.storage, hangingIn: .commit)
                let hanging = WatchedStorage(try await second(bench))
                let runner = try bench.runner(stall: .seconds(2), storage: slow, beside: [hanging])
                func attempt(into store: StoreID) async throws -> Task<Outcome, any Error> {
                    _ = try await bench.queue(url, into: [store])
                    let claim = try await claim(bench)
                    return Task { await runner.run(claim, heldSince: .now, drain: OneShot()) }
                }
                let committing = try await attempt(into: WorkBench.storeID)
                try await eventually { slow.commits == 1 }
                // One that began later is given up meanwhile.
                let stalled = try await attempt(into: Self.second).value
                hanging.release()
                slow.release()
                guard case .retry = stalled else { throw InvalidValue("not given up: \(stalled)") }
                guard case .succeeded = try await committing.value else { throw InvalidValue("not committed") }
            }
        }
    }

    @Test func `where every store of an import needs a person, the worker is at fault and no attempt is spent`()
        async throws
    {
        try await WorkBench.with { bench in
            try await withSource { url in
                let runner = try bench.runner(storage: try await second(bench, isUsable: false))
                _ = try await bench.queue(url, into: [Self.second], mustAll: false)
                let claim = try await claim(bench)
                let outcome = await runner.run(claim, heldSince: .now, drain: OneShot())
                guard case .workerFault(let reason) = outcome else { throw InvalidValue("\(outcome)") }
                #expect(reason.contains("no store took the image"))
                #expect(try await bench.store.task(claim.task.id)?.spent == 0)
            }
        }
    }

    @Test func `staged data is adopted where it is, and copied to the others`() async throws {
        try await WorkBench.with { bench in
            let other = try await second(bench)
            let (staged, ended, image) = try await importStaged(
                into: [WorkBench.storeID, Self.second], mustAll: true, beside: other, bench)
            #expect(ended.result == .success, "\(ended.message)")
            #expect(image.locations[WorkBench.storeID] == staged.key)
            #expect(try await text(image, in: other) == Self.bytes)
            #expect(try await !garbage(bench).contains("main \(staged.key)"))
        }
    }

    @Test func `staged data goes to another store alone, and from where it was`() async throws {
        try await WorkBench.with { bench in
            let other = try await second(bench)
            let (staged, ended, image) = try await importStaged(
                into: [Self.second], mustAll: true, beside: other, bench)
            #expect(ended.result == .success, "\(ended.message)")
            #expect(image.locations.keys.elementsEqual([Self.second]))
            #expect(try await text(image, in: other) == Self.bytes)
            #expect(try await garbage(bench) == ["main \(staged.key)"])
        }
    }

    @Test func `staged data that a store does not have just now is looked for again`() async throws {
        try await WorkBench.with { bench in
            let (staged, task) = try await stage(thenInto: [WorkBench.storeID], bench)
            let path = bench.folder.path + "/store/objects"
            try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
            let loop = try bench.claimLoop()
            let ended = try await running([loop]) {
                try await eventually { try await !bench.store.history(task.id).isEmpty }
                try FileManager.default.moveItem(atPath: path + ".away", toPath: path)
                return try await bench.end(of: task.id)
            }
            #expect(ended.state == .success && ended.attempt > 1, "\(ended.message)")
            #expect(try await bench.store.history(task.id).first?.reason.contains("is not in store") == true)
            #expect(try await bench.store.image(task.image)?.locations == [WorkBench.storeID: staged.key])
        }
    }

    @Test func `where staged data is adopted, and the other stores fail, these alone have failed`() async throws {
        try await WorkBench.with { bench in
            let other = try await second(bench, isUsable: false)
            let (staged, ended, image) = try await importStaged(
                into: [WorkBench.storeID, Self.second], mustAll: false, beside: other, bench)
            #expect(ended.result == .success, "\(ended.message)")
            #expect(ended.attempt == 1)
            #expect(image.status == .active)
            #expect(image.locations == [WorkBench.storeID: staged.key])
            #expect(image.failedStores == [Self.second])
        }
    }

    @Test func `a store that hangs while staged data is looked for holds up neither the drain nor the task`()
        async throws
    {
        try await WorkBench.with { bench in
            let hanging = WatchedStorage(bench.storage, hangingIn: .look)
            _ = try await stage(thenInto: [WorkBench.storeID], bench)
            let (claim, drain, ended) = (try await claim(bench), OneShot<Void>(), OneShot<Outcome>())
            let runner = try bench.runner(storage: hanging)
            let run = Task { ended.fulfil(await runner.run(claim, heldSince: .now, drain: drain)) }
            let result = await Result {
                try await eventually { hanging.looks == 1 }
                drain.fulfil()
                try await eventually { ended.peek == .interrupted }
                #expect(try await bench.store.task(claim.task.id)?.state == .pending)
            }
            hanging.release()
            await run.value
            try result.get()
        }
    }

    /// Stages an image in the bench's store, and imports it.
    private func importStaged(
        into stores: [StoreID], mustAll: Bool, beside other: FilesystemStorage, _ bench: WorkBench
    ) async throws -> (StagedObject, TaskRecord, ImageRecord) {
        let (staged, task) = try await stage(thenInto: stores, mustAll: mustAll, bench)
        let loop = try bench.claimLoop(beside: [other])
        let ended = try await running([loop]) { try await bench.end(of: task.id) }
        return (staged, ended, try await self.image(ended, bench))
    }

    /// Stages an image in the bench's store, and queues its import.
    private func stage(
        thenInto stores: [StoreID], mustAll: Bool = true, _ bench: WorkBench
    ) async throws -> (StagedObject, NewTask) {
        let image = try await bench.image()
        let attempt = UploadAttempt(
            store: bench.store, beats: bench.beats, process: bench.identity.id, threads: bench.threads,
            maxBytes: 100, stall: .seconds(30), logger: bench.logger)
        let staging = NewTask(
            id: .random(), image: image.id, request: ImportRequest(method: nil, stores: [WorkBench.storeID]),
            owner: "project")
        let result = try await attempt.run(
            .stage, of: image, staging, into: bench.storage, body: Bytes(Self.bytes), expectedBytes: nil)
        guard case .published = result else { throw InvalidValue("not staged: \(result)") }
        let staged = try #require(try await bench.store.image(image.id)?.stage)
        let task = NewTask(
            id: .random(), image: image.id,
            request: ImportRequest(method: .glanceDirect, stores: stores, allStoresMustSucceed: mustAll),
            owner: "project")
        guard case .created = try await bench.store.createImport(task, wanted: .uploading) else {
            throw InvalidValue("the import was not created")
        }
        return (staged, task)
    }

    private func text(_ image: ImageRecord, in storage: FilesystemStorage) async throws -> String {
        let key = try #require(image.locations[storage.id].flatMap { ObjectKey($0) })
        var bytes = ByteBuffer()
        for try await piece in try await storage.read(key, range: nil) { bytes.writeImmutableBuffer(piece) }
        return String(buffer: bytes)
    }

    private func garbage(_ bench: WorkBench) async throws -> [String] {
        try await bench.client.send("ZRANGE", "{test}:garbage", 0, -1).array?.compactMap(\.string) ?? []
    }
}
