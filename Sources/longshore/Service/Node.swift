import CProcess
import FilesystemStorage
import Foundation
import ImageConversion
import ImageStorage
import ImportModel
import ImportWorker
import LeaseStore
import Logging
import NIOPosix
import Operations
import RedisClient
import S3Storage
import ServiceLifecycle
import WebSource

/// The parts that every process of a fleet has, made from its settings: the catalog, the stores, the sources, and the
/// services that keep the fleet healthy.
struct Node: Sendable {
    let settings: Settings
    let logger: Logger
    let metrics = MetricsRegistry()
    let identity = ProcessIdentity()
    let startedAt = Date()
    /// For everything but heartbeats.
    let store: LeaseStore
    /// The same catalog, on a connection that carries nothing but heartbeats.
    let beats: LeaseStore
    let catalogID: String
    /// All that are configured; those that `stores` has not found yet are not to be written into.
    let storages: [any ImageStorage]
    let stores: StoreRollCall
    let policy: SourcePolicy
    let source: WebSource
    let digestThreads: NIOThreadPool
    let converter: ImageConverter?
    private let clients: [RedisClient]
    private let pools: [NIOThreadPool]

    /// Connects to Redis, checks it and the stores, and opens the catalog.
    /// - Throws: what is wrong, for a person; nothing is left behind.
    init(_ settings: Settings, logger: Logger) async throws {
        cprocess_return_blocks()
        self.settings = settings
        self.logger = logger
        guard !settings.stores.isEmpty else {
            throw InvalidValue("no store is configured; give one with --store main=filesystem:/folder, or in the file")
        }
        // Nobody shall run with them and not know it.
        if let failpoints = Failpoint.armed {
            logger.warning(
                "this process was started with failpoints, and dies or freezes there; unset \(FailpointPlan.variable)",
                metadata: ["failpoints": "\(failpoints.text)"])
        }
        policy = try Self.policy(settings.sources)
        digestThreads = Self.threads(max(2, ProcessInfo.processInfo.activeProcessorCount))
        // A name whose servers do not answer keeps its thread for longer than its import waits.
        let resolverThreads = Self.threads(max(8, 4 * settings.worker.concurrency))
        source = try WebSource(
            policy: policy, limits: Self.limits(settings.sources),
            resolver: SystemResolver(threads: resolverThreads), caFile: settings.sources.caFile)
        var pools = [digestThreads, resolverThreads]
        storages = try settings.stores.map { store in
            let threads = Self.threads(4)
            pools.append(threads)
            let storage: any ImageStorage =
                switch store.place {
                case .filesystem(let path): FilesystemStorage(id: store.id, root: path, threads: threads)
                case .s3(let place):
                    try S3Storage(id: store.id, configuration: S3Configuration(place), threads: threads)
                }
            return store.closed(storage)
        }
        converter = settings.imports.conversion.map { conversion in
            let threads = Self.threads(settings.worker.concurrency)
            pools.append(threads)
            return ImageConverter(conversion, threads: threads)
        }
        self.pools = pools

        let keys = try Keys(prefix: settings.redis.prefix)
        let configuration = try RedisConfiguration(settings.redis)
        let ordinary = try RedisClient(configuration: configuration, logger: logger)
        var forBeats = configuration
        forBeats.connections = 1
        // A beat that is not answered by then is better sent again.
        forBeats.commandTimeout = min(configuration.commandTimeout, settings.lease.lease / 6)
        forBeats.connectTimeout = forBeats.commandTimeout
        let beating = try RedisClient(configuration: forBeats, logger: logger)
        clients = [ordinary, beating]
        let metrics = metrics
        store = LeaseStore(redis: ordinary, keys: keys, settings: settings.lease, replicas: settings.redis.replicas) {
            metrics.histogram(.script, ["script": $0]).observe($1)
        }
        beats = LeaseStore(redis: beating, keys: keys, settings: settings.lease) {
            metrics.histogram(.script, ["script": $0]).observe($1)
        }
        do {
            try Self.accept(try await store.examineServer(), allowUnsafe: settings.redis.allowUnsafe, logger)
            catalogID = try await store.openCatalog()
            stores = StoreRollCall(
                storages, setup: StoreSetup(catalogID: catalogID, store: store, logger: logger), logger: logger)
        } catch {
            for client in clients { await client.close() }
            await Self.close(storages)
            Self.stop(pools)
            throw error
        }
        do { try await stores.begin() } catch {
            stores.end()
            for client in clients { await client.close() }
            await Self.close(storages)
            Self.stop(pools)
            throw error
        }
    }

    /// Closes everything; to be called when the services have ended.
    func close() async {
        stores.end()
        for client in clients { await client.close() }
        await Self.close(storages)
        Self.stop(pools)
    }

    /// Not waited for: a system call on a store that hangs would hold up the end of the process.
    private static func stop(_ pools: [NIOThreadPool]) {
        for pool in pools { pool.shutdownGracefully { _ in } }
    }

    /// Ends the connections of the stores that have some.
    private static func close(_ storages: [any ImageStorage]) async {
        for storage in storages {
            await (((storage as? ReadOnlyStorage)?.base ?? storage) as? S3Storage)?.close()
        }
    }

    private static func threads(_ count: Int) -> NIOThreadPool {
        let pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
        return pool
    }

    private static func policy(_ sources: Settings.Sources) throws -> SourcePolicy {
        SourcePolicy(
            schemes: sources.schemes, ports: sources.ports,
            allow: try sources.allow.map { try HostRule(parsing: $0) },
            deny: try sources.deny.map { try HostRule(parsing: $0) })
    }

    private static func limits(_ sources: Settings.Sources) -> SourceLimits {
        SourceLimits(
            connect: sources.connectTimeout, headers: sources.headersTimeout, idle: sources.idleTimeout,
            total: sources.totalTimeout, minimumRate: sources.minimumRate, rateWindow: sources.rateWindow,
            maxBytes: sources.maxBytes, redirects: sources.redirects, connections: sources.connections)
    }

    private static func accept(_ findings: [ServerFinding], allowUnsafe: Bool, _ logger: Logger) throws {
        let stopping = findings.filter { $0.severity == .fatal || ($0.severity == .unsafe && !allowUnsafe) }
        for finding in findings where !stopping.contains(finding) { logger.warning("\(finding.text)") }
        guard !stopping.isEmpty else { return }
        let hint = stopping.contains { $0.severity == .fatal } ? "" : "\n(redis.allow-unsafe=true starts all the same)"
        throw InvalidValue(
            "this Redis cannot be trusted with imports:\n" + stopping.map { "  " + $0.text }.joined(separator: "\n")
                + hint)
    }
}

extension RedisConfiguration {
    /// - Throws: `RedisConfigurationError`
    init(_ settings: Settings.Redis) throws {
        try self.init(url: settings.url)
        if let username = settings.username { self.username = username }
        if let password = settings.password { self.password = password }
        let isNamed = [settings.caFile, settings.certificateFile, settings.keyFile, settings.serverName].contains {
            $0 != nil
        }
        if isNamed || tls != nil {
            tls = TLS(
                caFile: settings.caFile, certificateFile: settings.certificateFile, keyFile: settings.keyFile,
                serverName: settings.serverName)
        }
    }
}
