import Foundation
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

    /// - Parameter stores: the names of the stores, each in a folder of its own.
    static func start(
        _ binary: String, _ server: RedisServer, _ place: Place, stores: [String] = ["main"], inFlight: Int
    ) async throws -> Processes {
        let folder = place.folder.appendingPathComponent("fleet", isDirectory: true)
        var places: [String] = []
        for name in stores {
            let store = folder.appendingPathComponent(name, isDirectory: true)
            try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
            places += ["--store", "\(name)=filesystem:\(store.path)"]
        }
        let port = try await freePort()
        let common =
            [
                "--redis-url", "unix://\(server.folder.path)/s", "--set", "redis.prefix=\(Catalog.prefix)",
                "--allow-source", "127.0.0.1", "--log-level", "error",
            ] + places
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

    /// The most memory that the worker has had resident since it was last asked, in bytes.
    func takePeakMemory() throws -> Int {
        let folder = "/proc/\(worker.pid)"
        let status = try String(contentsOfFile: "\(folder)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let kib = line?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw BenchError("\(folder)/status tells no VmHWM")
        }
        // 5: the mark begins anew where it stands.
        try Data("5".utf8).write(to: URL(fileURLWithPath: "\(folder)/clear_refs"))
        return kib << 10
    }

    func stop() {
        _ = worker.terminate()
        _ = api.terminate()
    }

    private func log(_ role: String) -> String {
        // Without a log there is nothing to add.
        (try? String(contentsOf: folder.appendingPathComponent(role + ".log"), encoding: .utf8)) ?? ""
    }

    private static func freePort() async throws -> Int {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        defer { listener.close(promise: nil) }
        guard let port = listener.localAddress?.port else { throw BenchError("no free port") }
        return port
    }
}
