import Foundation
import RedisClient
import TestSupport

/// What `MONITOR` of a server shows while `body` runs.
func monitored(_ fleet: Fleet, _ body: () async throws -> Void) async throws -> String {
    let log = fleet.server.folder.appendingPathComponent("monitor-\(UUID())")
    guard case .unixSocket(let path) = fleet.server.configuration.endpoint else { return "" }
    let monitor = try ServerProcess("redis-cli", ["-s", path, "monitor"], log: log, folder: fleet.server.folder)
    defer { monitor.kill() }
    func seen(_ text: String) async throws {
        try await eventually {
            _ = try await fleet.client.send("ECHO", text)
            return (try? String(contentsOf: log, encoding: .utf8))?.contains(text) ?? false
        }
    }
    try await seen("the monitor listens")
    try await body()
    try await seen("this is the end")
    return try String(contentsOf: log, encoding: .utf8)
}
