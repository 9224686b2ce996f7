import Foundation
import ImportModel
import LeaseStore
import NIOCore
import NIOPosix
import RedisClient
import TestSupport

/// Imports of tiny images per second through the whole thing: the command line, one API process, one worker process,
/// a source on loopback, a store in a folder, everything fsynced.
struct TinyImports {
    let binary: String

    private static let inFlight = 16

    func measure(runs: Int, at place: Place) async throws -> [Figure] {
        try await place.withCatalog(.fsync) { catalog, server in
            let source = try await ScriptedHTTPServer { request in
                let bytes = [UInt8](repeating: 0x5a, count: Int(request.target.dropFirst()) ?? 0)
                return [.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\r\n"), .sendBytes(bytes)]
            }
            let fleet = try await Processes.start(binary, server, place, inFlight: Self.inFlight)
            defer { fleet.stop() }
            try await fleet.untilReady(catalog)
            var figures: [Figure] = []
            for (label, bytes, count) in [("1 KiB", 1 << 10, 500), ("1 MiB", 1 << 20, 300)] {
                var rates: [Double] = []
                for run in 0...runs {
                    let rate = try await pass(
                        catalog, fleet, urls: Array(repeating: source.url("/\(bytes)"), count: count))
                    if run > 0 { rates.append(rate) }  // the first one warms everything up
                }
                figures.append(
                    Figure(
                        section: "imports of tiny images, fsync always, \(Self.inFlight) in flight", name: label,
                        value: rates.median, unit: "imports/s"))
            }
            try await source.stop()
            return figures
        }
    }

    /// From the start of the command until the last import has ended.
    private func pass(_ catalog: Catalog, _ fleet: Processes, urls: [String]) async throws -> Double {
        let last = try await catalog.store.lastEventID()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await Self.waitForEnds(urls.count, after: last, catalog) }
            group.addTask { try await fleet.importAll(urls, inFlight: Self.inFlight) }
            try await group.waitForAll()
        }
        return Double(urls.count) / (ContinuousClock.now - start).inSeconds
    }

    private static func waitForEnds(_ count: Int, after id: String, _ catalog: Catalog) async throws {
        var (id, missing) = (id, count)
        while missing > 0 {
            let events = try await catalog.store.events(after: id, atMost: .seconds(30))
            guard let last = events.last else {
                throw BenchError("nothing happened for 30 s; \(missing) imports are left")
            }
            if let failure = events.first(where: { $0.type == "failure" }) {
                throw BenchError("an import failed: \(failure.detail)")
            }
            missing -= events.count { $0.type == "success" }
            id = last.id
        }
    }
}

/// One API process and one worker process.
private struct Processes {
    let binary: String
    let endpoint: String
    let port: Int
    let folder: URL
    let api: ServerProcess
    let worker: ServerProcess

    static func start(
        _ binary: String, _ server: RedisServer, _ place: Place, inFlight: Int
    ) async throws -> Processes {
        let folder = place.folder.appendingPathComponent("fleet", isDirectory: true)
        let store = folder.appendingPathComponent("store", isDirectory: true)
        try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
        let port = try await freePort()
        let common = [
            "--redis-url", "unix://\(server.folder.path)/s", "--set", "redis.prefix=\(Catalog.prefix)",
            "--store", "main=filesystem:\(store.path)", "--allow-source", "127.0.0.1", "--log-level", "error",
        ]
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
    func importAll(_ urls: [String], inFlight: Int) async throws {
        let arguments = [
            "import", "--endpoint", endpoint, "--disk-format", "raw", "--parallel", String(inFlight), "--json",
        ]
        try await NIOThreadPool.singleton.runIfActive {
            try ServerProcess.run(binary, arguments + urls, log: folder.appendingPathComponent("import.log"))
        }
    }

    func stop() {
        worker.terminate()
        api.terminate()
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
