import FaultProxy
import FilesystemStorage
import Foundation
import ImageConversion
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import Logging
import NIOPosix
import Publisher
import RedisClient
import ServiceLifecycle
import TestSupport
import WebSource

@testable import ImportWorker

/// A real Redis, a real store in a temporary folder, and a worker's parts over them.
struct WorkBench: Sendable {
    static let catalogID = "c0ffee"
    static let storeID = id("main")

    let server: RedisServer
    let client: RedisClient
    let beatClient: RedisClient
    let store: LeaseStore
    let beats: LeaseStore
    let storage: FilesystemStorage
    let folder: URL
    let threads: NIOThreadPool
    let logger: Logger
    var identity = ProcessIdentity()

    /// Short leases, so that what depends on their end is seen soon.
    static var settings: LeaseSettings {
        var settings = LeaseSettings()
        settings.lease = .milliseconds(900)
        settings.beat = .milliseconds(100)
        settings.margin = .milliseconds(300)
        settings.garbageGrace = .zero
        settings.maxAttempts = 3
        return settings
    }

    static func with<R>(
        _ settings: LeaseSettings = settings, _ body: (WorkBench) async throws -> R
    ) async throws -> R {
        try await withRedis { server in
            let folder = try temporaryDirectory()
            let threads = NIOThreadPool(numberOfThreads: 4)
            threads.start()
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let client = try RedisClient(configuration: server.configuration, logger: logger)
            var forBeats = server.configuration
            forBeats.commandTimeout = .milliseconds(300)
            forBeats.connectTimeout = .milliseconds(300)
            let beatClient = try RedisClient(configuration: forBeats, logger: logger)
            let keys = try Keys(prefix: "test")
            let bench = WorkBench(
                server: server, client: client, beatClient: beatClient,
                store: LeaseStore(redis: client, keys: keys, settings: settings),
                beats: LeaseStore(redis: beatClient, keys: keys, settings: settings),
                storage: FilesystemStorage(id: storeID, root: folder.path + "/store", threads: threads),
                folder: folder, threads: threads, logger: logger)
            try await bench.storage.setMarker(StoreMarker(catalogId: catalogID, mark: 0))
            let result: Result<R, any Error>
            do { result = .success(try await body(bench)) } catch { result = .failure(error) }
            await client.close()
            await beatClient.close()
            try await threads.shutdownGracefully()
            try FileManager.default.removeItem(at: folder)
            return try result.get()
        }
    }

    static func id(_ name: String) -> StoreID {
        guard let id = StoreID(rawValue: name) else { preconditionFailure("no id of a store: \(name)") }
        return id
    }

    func runner(
        stall: Duration = .seconds(30), storage: (any ImageStorage)? = nil, beside others: [any ImageStorage] = [],
        keyrings: [String: String] = [:], mustMatchFormat: Bool = true, decompression: DecompressionLimits? = nil,
        converter: ImageConverter? = nil, checkpointBytes: Int64 = 2 << 20
    ) throws -> AttemptRunner {
        var limits = AttemptRunner.Limits()
        limits.checkpointBytes = checkpointBytes
        limits.retry = RetryPolicy(base: .milliseconds(10), cap: .milliseconds(50))
        limits.stall = stall
        limits.mustMatchFormat = mustMatchFormat
        limits.decompression = decompression
        let source = try WebSource(
            policy: SourcePolicy(allow: [HostRule(parsing: "127.0.0.0/8")]), resolver: SystemResolver(threads: threads))
        return AttemptRunner(
            store: store, beats: beats, storages: [storage ?? self.storage] + others, source: source,
            signatures: SignatureVerifier(keyrings: keyrings), converter: converter, threads: threads, limits: limits,
            logger: logger)
    }

    func claimLoop(
        concurrency: Int = 2, stall: Duration = .seconds(30), beside others: [any ImageStorage] = [],
        keyrings: [String: String] = [:], mustMatchFormat: Bool = true, decompression: DecompressionLimits? = nil,
        converter: ImageConverter? = nil
    ) throws -> ClaimLoop {
        let runner = try runner(
            stall: stall, beside: others, keyrings: keyrings, mustMatchFormat: mustMatchFormat,
            decompression: decompression, converter: converter)
        return ClaimLoop(
            store: store, runner: runner,
            process: identity.id,
            stores: ReadyStores([Self.storeID] + others.map(\.id)),
            concurrency: concurrency, logger: logger)
    }

    /// The same catalog through a proxy that can lose answers.
    /// - Parameter patience: how long a command waits for its answer.
    func withProxy(
        patience: Duration = .seconds(20), _ body: (FaultProxy, LeaseStore) async throws -> Void
    ) async throws {
        let proxy = try await FaultProxy.start(
            at: folder.path + "/proxy", upstream: server.configuration.endpoint)
        var configuration = try RedisConfiguration(url: proxy.url)
        configuration.commandTimeout = patience
        let result = await Result {
            try await withClient(configuration) { client in
                try await body(proxy, LeaseStore(redis: client, keys: store.keys, settings: store.settings))
            }
        }
        try await proxy.stop()
        try result.get()
    }

    /// An image that can be imported.
    func image(_ diskFormat: String = "raw", in containerFormat: String = "bare") async throws -> ImageRecord {
        var image = ImageRecord(id: .random())
        image.name = "image"
        image.owner = "project"
        image.diskFormat = diskFormat
        image.containerFormat = containerFormat
        guard let created = try await store.createImage(image) else { throw InvalidValue("the id was used before") }
        return created
    }

    /// Queues a `web-download` of `url` into a new image.
    func queue(
        _ url: String, as diskFormat: String = "raw", in containerFormat: String = "bare", checksum: String? = nil,
        publisher: PublisherChecksum? = nil, into stores: [StoreID] = [storeID], mustAll: Bool = true
    ) async throws -> TaskRecord {
        let image = try await image(diskFormat, in: containerFormat)
        let request = ImportRequest(
            method: .webDownload, uri: url, stores: stores, allStoresMustSucceed: mustAll,
            checksum: try checksum.map { try ExpectedDigest(parsing: $0) }, publisher: publisher)
        let task = NewTask(id: .random(), image: image.id, request: request, owner: "project")
        guard case .created = try await store.createImport(task, wanted: .queued),
            let record = try await store.task(task.id)
        else { throw InvalidValue("the import was not created") }
        return record
    }

    /// Waits until a task has ended, and returns it.
    func end(of id: TaskID, within limit: Duration = .seconds(10)) async throws -> TaskRecord {
        try await eventually(within: limit) { try await store.task(id)?.state.isTerminal == true }
        guard let task = try await store.task(id) else { throw InvalidValue("the task is gone") }
        return task
    }

    /// Claims as `process` would.
    func claim(as process: ProcessID? = nil, stores: [StoreID] = [storeID]) async throws -> Claim {
        let reply = try await store.claim(nonce: .mint(), process: process ?? identity.id, stores: stores)
        guard case .task(let claim) = reply else { throw InvalidValue("nothing was claimed") }
        return claim
    }

    /// Every file under the store's objects that has a byte of an image.
    func storedKeys() async throws -> [ObjectKey] {
        var keys: [ObjectKey] = []
        var cursor: String?
        repeat {
            let page = try await storage.list(after: cursor)
            keys += page.objects.map(\.key)
            cursor = page.next
        } while cursor != nil
        return keys
    }
}

/// Runs a service as a service group would, stops it gracefully after `body`, and waits for its end.
func running<R: Sendable>(_ services: [any Service], _ body: @Sendable @escaping () async throws -> R) async throws -> R
{
    var silent = Logger(label: "test")
    silent.logLevel = .critical
    let group = ServiceGroup(
        configuration: .init(services: services.map { .init(service: $0) }, logger: silent))
    return try await withThrowingTaskGroup(of: R?.self) { tasks in
        tasks.addTask {
            try await group.run()
            return nil
        }
        do {
            let result = try await body()
            await group.triggerGracefulShutdown()
            for try await _ in tasks {}
            return result
        } catch {
            tasks.cancelAll()
            throw error
        }
    }
}
