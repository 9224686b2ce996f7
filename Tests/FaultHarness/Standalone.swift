package import Foundation
import RedisClient
import TestSupport

/// `longshore standalone` in a folder of its own, with a server of sources.
package struct Standalone: Sendable {
    package let process: ServiceProcess
    package let client: FleetClient
    package let source: ImageSource
    package let folder: URL

    /// The store, as the process itself sees it.
    package var store: URL { folder.appendingPathComponent("data/store") }

    /// Runs `body` with a service that is gone afterwards.
    ///
    /// - Parameter diskMiB: the size of the disk that the store is on; `nil`: that of the machine.
    package static func run<Result>(
        _ settings: [String] = Fleet.quick, diskMiB: Int? = nil, _ body: (Standalone) async throws -> Result
    ) async throws -> Result {
        let folder = try temporaryDirectory()
        let source = try await ImageSource()
        let process = try start(folder, settings, diskMiB)
        let result: Swift.Result<Result, any Error>
        do {
            let client = FleetClient(endpoint: try await process.address())
            result = .success(
                try await body(Standalone(process: process, client: client, source: source, folder: folder)))
        } catch {
            print("log of standalone:\n\(process.tail(25))")
            result = .failure(error)
        }
        // In order, so that its Redis ends as well.
        try await process.terminate()
        // One that a test has killed leaves its Redis behind, which ends without an answer.
        let left = RedisConfiguration(endpoint: .unixSocket(path: folder.path + "/data/redis/redis.sock"))
        _ = try? await withClient(left) { try await $0.send("SHUTDOWN", "NOSAVE") }
        try await source.stop()
        try? FileManager.default.removeItem(at: folder)  // nothing depends on its going
        return try result.get()
    }

    package static func arguments(_ folder: URL, _ settings: [String] = []) -> [String] {
        [
            "standalone", "--data-dir", folder.appendingPathComponent("data").path, "--port", "0", "--allow-source",
            "127.0.0.0/8", "--set", "log.format=json",
        ] + settings.flatMap { ["--set", $0] }
    }

    private static func start(_ folder: URL, _ settings: [String], _ diskMiB: Int?) throws -> ServiceProcess {
        let arguments = arguments(folder, settings)
        guard let diskMiB else { return try ServiceProcess("standalone", arguments, folder: folder) }
        // A small disk that only this process sees, and that goes with it.
        let disk = folder.appendingPathComponent("data/store")
        try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
        let mount = #"mount -t tmpfs -o size="$1"m none "$2" && shift 2 && exec "$@""#
        return try ServiceProcess(
            "standalone",
            [geteuid() == 0 ? "-m" : "-rm", "sh", "-c", mount, "sh", String(diskMiB), disk.path, Program.longshore]
                + arguments,
            folder: folder, program: "unshare")
    }

    /// Runs a command of the `longshore` client against this service.
    package func longshore(_ arguments: [String], input: Program.Input = .nothing) async throws -> Program.Ending {
        try await Program.run(
            Program.longshore, arguments, environment: ["LONGSHORE_ENDPOINT": client.endpoint], input: input)
    }
}
