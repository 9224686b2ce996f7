import ImportModel
import NIOCore
import TestSupport

@testable import WebSource

/// Runs `body` with a server that plays `script`, and with a source that may reach it and has little patience.
func withLocalServer(
    limits: SourceLimits = .quick, _ script: @escaping ScriptedHTTPServer.Script,
    _ body: (ScriptedHTTPServer, WebSource) async throws -> Void
) async throws {
    let server = try await ScriptedHTTPServer(script)
    let policy = SourcePolicy(allow: [try HostRule(parsing: "127.0.0.0/8")])
    do {
        try await body(server, try WebSource(policy: policy, limits: limits, resolver: ThisMachine()))
    } catch {
        try await server.stop()
        throw error
    }
    try await server.stop()
}

extension SourceLimits {
    static var quick: SourceLimits {
        var limits = SourceLimits(idle: .milliseconds(500))
        limits.carryOnPause = .milliseconds(1)
        return limits
    }
}

/// Every name leads to this machine.
struct ThisMachine: HostResolver {
    func resolve(_ name: String) async throws -> [IPAddress] { ["127.0.0.1", "::1"].compactMap { IPAddress($0) } }
}

extension OpenedSource {
    func allBytes() async throws -> [UInt8] {
        var all = ByteBuffer()
        for try await piece in body { all.writeImmutableBuffer(piece) }
        return Array(all.readableBytesView)
    }
}
