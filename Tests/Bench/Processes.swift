import Foundation
import Glibc
import LeaseStore
import NIOCore
import NIOPosix
import RedisClient
import TestSupport

/// One API process and one worker process.
struct Processes {
    let binary: String
    let endpoint: String
    let port: Int
    let folder: URL
    let api: ServerProcess
    let worker: ServerProcess

    /// - Parameters:
    ///   - stores: the names of the stores, each in a folder of its own.
    ///   - buckets: stores besides, as `--store` takes them.
    ///   - settings: as `--set` takes them.
    static func start(
        _ binary: String, _ server: RedisServer, _ place: Place, stores: [String] = ["main"], buckets: [String] = [],
        inFlight: Int, settings: [String] = []
    ) async throws -> Processes {
        let folder = place.folder.appendingPathComponent("fleet", isDirectory: true)
        // The last fleet's stores belong to its catalog.
        try? FileManager.default.removeItem(at: folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var places: [String] = []
        for name in stores {
            let store = folder.appendingPathComponent(name, isDirectory: true)
            try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
            places += ["--store", "\(name)=filesystem:\(store.path)"]
        }
        places += buckets.flatMap { ["--store", $0] }
        let port = try await freePort()
        let common =
            [
                "--redis-url", "unix://\(server.folder.path)/s", "--set", "redis.prefix=\(Catalog.prefix)",
                "--allow-source", "127.0.0.1", "--log-level", "error",
            ] + places + settings.flatMap { ["--set", $0] }
        func launch(_ role: String, _ arguments: [String]) throws -> ServerProcess {
            try ServerProcess(
                binary, [role] + common + arguments, log: folder.appendingPathComponent(role + ".log"), folder: folder)
        }
        let api = try launch("api", ["--port", String(port)])
        let worker = try launch("worker", ["--concurrency", String(inFlight)])
        return Processes(
            binary: binary, endpoint: "http://127.0.0.1:\(port)", port: port, folder: folder, api: api, worker: worker)
    }

    /// Returns once both have told the fleet of themselves and the API takes connections.
    func untilReady(_ catalog: Catalog) async throws {
        try await eventually(within: .seconds(30)) {
            guard !api.hasExited, !worker.hasExited else {
                throw BenchError("a process has ended: \(log("api"))\(log("worker"))")
            }
            guard try await catalog.store.processes().count == 2 else { return false }
            // A refused connection only says that it is too early.
            guard
                let probe = try? await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .connect(host: "127.0.0.1", port: port).get()
            else { return false }
            try await probe.close()
            return true
        }
    }

    /// Runs `longshore import`, away from the threads that must not block.
    func importAll(_ urls: [String], inFlight: Int, stores: [String] = []) async throws {
        let arguments =
            ["import", "--endpoint", endpoint, "--disk-format", "raw", "--parallel", String(inFlight), "--json"]
            + stores.flatMap { ["--store", $0] }
        try await NIOThreadPool.singleton.runIfActive {
            try ServerProcess.run(binary, arguments + urls, log: folder.appendingPathComponent("import.log"))
        }
    }

    /// From the start of the command to the last success, in seconds.
    func importing(_ urls: [String], _ catalog: Catalog, to stores: [String]) async throws -> Double {
        let last = try await catalog.store.lastEventID()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await catalog.waitForEnds(urls.count, after: last) }
            group.addTask { try await importAll(urls, inFlight: min(urls.count, 16), stores: stores) }
            try await group.waitForAll()
        }
        return (ContinuousClock.now - start).inSeconds
    }

    /// Removes the bytes of all images, and whatever else was written, and waits for the disk: whoever comes next finds
    /// the machine as the one before has.
    func clear(_ files: [String] = []) throws {
        for store in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try? FileManager.default.removeItem(at: folder.appendingPathComponent("\(store)/objects"))
        }
        for file in files { try? FileManager.default.removeItem(atPath: file) }
        sync()
    }

    /// The most memory that the worker, or the API process, has had resident since it was last asked, in bytes.
    func takePeakMemory(ofAPI: Bool = false) throws -> Int {
        let folder = "/proc/\(ofAPI ? api.pid : worker.pid)"
        let status = try String(contentsOfFile: "\(folder)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let kib = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw BenchError("\(folder)/status tells no VmHWM")
        }
        // 5: the mark begins anew where it stands.
        try Data("5".utf8).write(to: URL(fileURLWithPath: "\(folder)/clear_refs"))
        return kib << 10
    }

    /// What the worker has resident when it has imported a first small image and rests.
    func idleMemory(_ source: LargeFile, _ catalog: Catalog, store: String) async throws -> Int {
        _ = try await importing([source.url + String(min(source.bytes, 1 << 20))], catalog, to: [store])
        _ = try takePeakMemory()
        return try takePeakMemory()
    }

    /// What memory grew by above `idle` since it was last asked for.
    func peak(above idle: Int, _ name: String, ofAPI: Bool = false, atMost bound: Double? = nil) throws -> Figure {
        let grown = Double(max(0, try takePeakMemory(ofAPI: ofAPI) - idle)) / Double(1 << 20)
        return Figure(
            section: "resident memory above idle, at its peak", name: name, value: grown.rounded(), unit: "MiB",
            target: bound.map { .atMost($0) })
    }

    func stop() {
        _ = worker.terminate()
        _ = api.terminate()
    }

    private func log(_ role: String) -> String {
        // Without a log there is nothing to add.
        (try? String(contentsOf: folder.appendingPathComponent(role + ".log"), encoding: .utf8)) ?? ""
    }

    static func freePort() async throws -> Int {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        defer { listener.close(promise: nil) }
        guard let port = listener.localAddress?.port else { throw BenchError("no free port") }
        return port
    }
}
