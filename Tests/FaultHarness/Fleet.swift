package import Foundation
import NIOCore
package import RedisClient
import Synchronization
package import TestSupport

/// A real fleet: a Redis that writes to the disk before it answers, API and worker processes, a store in a folder, and
/// a server of sources.
package final class Fleet: Sendable {
    /// Short leases, so that what takes half a minute in production takes two seconds here.
    package static let quick = [
        "lease.duration=1500ms", "lease.beat=300ms", "lease.margin=400ms", "lease.garbage-grace=0s",
        "retry.base=100ms", "retry.cap=500ms", "sweep.interval=1s", "audit.interval=1s",
    ]
    /// Leases that last while a process waits for its turn on a busy machine, which may be hundreds of milliseconds at a
    /// time: for rows in which nobody may lose one.
    package static let calm = quick + ["lease.duration=\(calmLease)ms", "lease.beat=900ms", "lease.margin=1200ms"]
    /// In milliseconds.
    package static let calmLease = 4500
    /// Leases that outlast everything a test does.
    package static let patient = [
        "lease.duration=60s", "lease.beat=1s", "lease.margin=8s", "lease.garbage-grace=0s", "retry.base=100ms",
        "retry.cap=500ms", "sweep.interval=1s", "audit.interval=1s",
    ]

    /// A Redis that writes to the disk before it answers.
    package static let durable = ["--appendonly", "yes", "--appendfsync", "always"]

    package let redis: RedisServer
    package let source: ImageSource
    package let folder: URL
    private let plan: Plan
    private let started = Mutex<[ServiceProcess]>([])
    /// Another Redis that has taken over.
    private let successor = Mutex<RedisConfiguration?>(nil)

    /// How a fleet is made.
    package struct Plan: Sendable {
        /// `name=value` pairs for every service.
        package var settings: [String]
        /// What Redis is started with.
        package var redis = Fleet.durable
        /// A program, with its arguments, that starts Redis.
        package var redisLauncher: [String] = []
        /// Values of `--store`, given the fleet's folder.
        package var stores: @Sendable (URL) -> [String] = { ["main=filesystem:\($0.path)/store"] }
        /// The `longshore` binary.
        package var program = Program.longshore

        package init(_ settings: [String] = Fleet.quick) { self.settings = settings }

        /// Two folders, the first of which is `Fleet.store`.
        package static let twoFolders: @Sendable (URL) -> [String] = {
            ["main=filesystem:\($0.path)/store", "second=filesystem:\($0.path)/second"]
        }
    }

    /// How one service of a fleet is started.
    package struct Launch: Sendable {
        package var arguments: [String]
        package var environment: [String: String]
        /// A program, with its arguments, that starts the service: `["nice", "-n", "5"]`.
        package var launcher: [String]
        /// Where it finds Redis; `nil`: at the fleet's own.
        package var redisURL: String?
        /// It is no wonder if the service ends by itself: it is starved of memory, for example.
        package var mayDie: Bool

        package init(
            _ arguments: [String] = [], environment: [String: String] = [:], launcher: [String] = [],
            redisURL: String? = nil, mayDie: Bool = false
        ) {
            self.arguments = arguments
            self.environment = environment
            self.launcher = launcher
            self.redisURL = redisURL
            self.mayDie = mayDie
        }
    }

    /// The folder of the store `main`, unless the plan says otherwise.
    package var store: URL { folder.appendingPathComponent("store") }

    /// Runs `body` with a fleet that is gone afterwards. Where it throws, the logs tell why.
    ///
    /// Throws also when a service has ended that nobody had told to, or has crashed (`ServiceProcess.wrongEnd`).
    package static func run<Result>(
        _ settings: [String] = Fleet.quick, _ body: (Fleet) async throws -> Result
    ) async throws -> Result {
        try await run(Plan(settings), body)
    }

    package static func run<Result>(_ plan: Plan, _ body: (Fleet) async throws -> Result) async throws -> Result {
        let fleet = try await Fleet(plan)
        do {
            let result = try await body(fleet)
            try await fleet.end()
            return result
        } catch {
            for service in fleet.started.withLock({ $0.suffix(8) }) {
                print("log of \(service.name) (pid \(service.pid)):\n\(service.tail(25))")
            }
            // The first error is the one that counts.
            do { try await fleet.end() } catch let other { print("\(other)") }
            throw error
        }
    }

    private init(_ plan: Plan) async throws {
        self.plan = plan
        redis = try await RedisServer.start(plan.redis, launcher: plan.redisLauncher)
        source = try await ImageSource()
        folder = try temporaryDirectory()
    }

    private func end() async throws {
        let services = started.withLock { $0 }
        for service in services { service.kill() }
        let wrongEnds = services.compactMap(\.wrongEnd)
        redis.stop()
        try? FileManager.default.removeItem(at: folder)  // nothing depends on its going
        try await source.stop()
        guard wrongEnds.isEmpty else { throw ServiceFailure(wrongEnds.joined(separator: "\n")) }
    }

    /// Starts an API process and returns once it listens.
    package func startAPI(_ more: [String] = []) async throws -> API { try await startAPI(Launch(more)) }

    package func startAPI(_ launch: Launch) async throws -> API {
        let process = try start("api", ["--port", "0"], launch)
        return API(process: process, client: FleetClient(endpoint: try await process.address()))
    }

    /// Starts an API process without waiting for it: one that may die on its way.
    package func beginAPI(_ launch: Launch) throws -> ServiceProcess { try start("api", ["--port", "0"], launch) }

    /// Starts a worker and returns once it is known to the fleet.
    package func startWorker(_ more: [String] = []) async throws -> ServiceProcess {
        try await startWorker(Launch(more))
    }

    package func startWorker(_ launch: Launch) async throws -> ServiceProcess {
        let process = try beginWorker(launch)
        try await process.logged("worker is ready")
        return process
    }

    package func startWorkers(_ count: Int, _ more: [String] = []) async throws -> [ServiceProcess] {
        let processes = try (0..<count).map { _ in try beginWorker(Launch(more)) }
        for process in processes { try await process.logged("worker is ready") }
        return processes
    }

    /// Starts a worker without waiting for it: one that may die on its way.
    package func beginWorker(_ launch: Launch) throws -> ServiceProcess { try start("worker", [], launch) }

    private func start(_ role: String, _ arguments: [String], _ launch: Launch) throws -> ServiceProcess {
        let service =
            [role, "--redis-url", launch.redisURL ?? "unix://\(redis.folder.path)/s"] + arguments
            + plan.stores(folder).flatMap { ["--store", $0] }
            + ["--allow-source", "127.0.0.0/8", "--log-level", "info", "--set", "log.format=json"]
            + plan.settings.flatMap { ["--set", $0] } + launch.arguments
        let environment = launch.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let words = (environment.isEmpty ? [] : ["env"] + environment) + launch.launcher + [plan.program] + service
        return try started.withLock { started in
            let process = try ServiceProcess(
                "\(role)-\(started.count)", Array(words.dropFirst()), folder: folder, program: words[0],
                mayDie: launch.mayDie)
            started.append(process)
            return process
        }
    }

    package struct API: Sendable {
        package let process: ServiceProcess
        package let client: FleetClient
    }

    /// A look into Redis itself.
    package func ask(_ command: RedisCommand) async throws -> RedisValue {
        try await ask([command])[0]
    }

    package func ask(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        return try await withClient(primary) { try await $0.pipeline(commands) }
    }

    /// Where the fleet's Redis is now.
    package var primary: RedisConfiguration { successor.withLock { $0 } ?? redis.configuration }

    /// From now on `ask` asks this one, such as a replica that has become the primary.
    package func ask(at successor: RedisServer) { self.successor.withLock { $0 = successor.configuration } }

    /// Fleet-wide counters since the start (`recoveries`, `refused:superseded` …).
    package func counter(_ name: String) async throws -> Int64 {
        try await ask(RedisCommand("HGET", "{longshore}:stats", name)).int ?? 0
    }
}

/// How much the tests do: 1, unless `SYSTEM_TESTS_SCALE` says more.
package enum Scale {
    package static let factor = ProcessInfo.processInfo.environment["SYSTEM_TESTS_SCALE"].flatMap { Int($0) } ?? 1
}
