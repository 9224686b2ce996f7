import Foundation
import NIOCore
import RedisClient
import Synchronization
import TestSupport

/// A real fleet: a Redis that writes to the disk before it answers, API and worker processes, a store in a folder, and
/// a server of sources.
final class Fleet: Sendable {
    /// Short leases, so that what takes half a minute in production takes two seconds here.
    static let quick = [
        "lease.duration=1500ms", "lease.beat=300ms", "lease.margin=400ms", "lease.garbage-grace=0s",
        "retry.base=100ms", "retry.cap=500ms", "sweep.interval=1s",
    ]
    /// Leases that outlast everything a test does.
    static let patient = [
        "lease.duration=60s", "lease.beat=1s", "lease.margin=8s", "lease.garbage-grace=0s", "retry.base=100ms",
        "retry.cap=500ms", "sweep.interval=1s",
    ]

    let redis: RedisServer
    let source: ImageSource
    let folder: URL
    private let settings: [String]
    private let started = Mutex<[ServiceProcess]>([])

    var store: URL { folder.appendingPathComponent("store") }

    /// Runs `body` with a fleet that is gone afterwards. Where it throws, the logs tell why.
    static func run<Result>(
        _ settings: [String] = Fleet.quick, _ body: (Fleet) async throws -> Result
    ) async throws -> Result {
        let fleet = try await Fleet(settings)
        do {
            let result = try await body(fleet)
            try await fleet.end()
            return result
        } catch {
            for service in fleet.started.withLock({ $0 }) {
                print("log of \(service.name) (pid \(service.pid)):\n\(service.tail(25))")
            }
            // The first error is the one that counts.
            try? await fleet.end()
            throw error
        }
    }

    private init(_ settings: [String]) async throws {
        self.settings = settings
        redis = try await RedisServer.start(["--appendonly", "yes", "--appendfsync", "always"])
        source = try await ImageSource()
        folder = try temporaryDirectory()
    }

    private func end() async throws {
        for service in started.withLock({ $0 }) { service.kill() }
        redis.stop()
        try? FileManager.default.removeItem(at: folder)  // nothing depends on its going
        try await source.stop()
    }

    /// What every service of this fleet is started with.
    var arguments: [String] {
        [
            "--redis-url", "unix://\(redis.folder.path)/s", "--store", "main=filesystem:\(store.path)",
            "--allow-source", "127.0.0.0/8", "--log-level", "info", "--set", "log.format=json",
        ] + settings.flatMap { ["--set", $0] }
    }

    /// Starts an API process and returns once it listens.
    func startAPI(_ more: [String] = []) async throws -> API {
        let process = try start("api", ["--port", "0"] + more)
        return API(process: process, client: FleetClient(endpoint: try await process.address()))
    }

    /// Starts a worker and returns once it is known to the fleet.
    func startWorker(_ more: [String] = []) async throws -> ServiceProcess {
        let process = try start("worker", more)
        try await process.logged("worker is ready")
        return process
    }

    func startWorkers(_ count: Int, _ more: [String] = []) async throws -> [ServiceProcess] {
        let processes = try (0..<count).map { _ in try start("worker", more) }
        for process in processes { try await process.logged("worker is ready") }
        return processes
    }

    private func start(_ role: String, _ more: [String]) throws -> ServiceProcess {
        try started.withLock { started in
            let process = try ServiceProcess("\(role)-\(started.count)", [role] + arguments + more, folder: folder)
            started.append(process)
            return process
        }
    }

    struct API: Sendable {
        let process: ServiceProcess
        let client: FleetClient
    }

    /// A look into Redis itself.
    func ask(_ command: RedisCommand) async throws -> RedisValue {
        try await ask([command])[0]
    }

    func ask(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        return try await withClient(redis.configuration) { try await $0.pipeline(commands) }
    }

    /// Fleet-wide counters since the start (`recoveries`, `refused:superseded` …).
    func counter(_ name: String) async throws -> Int64 {
        try await ask(RedisCommand("HGET", "{longshore}:stats", name)).int ?? 0
    }
}

/// How much the tests do: 1, unless `SYSTEM_TESTS_SCALE` says more.
enum Scale {
    static let factor = ProcessInfo.processInfo.environment["SYSTEM_TESTS_SCALE"].flatMap { Int($0) } ?? 1
}
