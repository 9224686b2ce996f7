package import Foundation
import Logging
package import RedisClient
import Synchronization

/// A real Redis in a folder of its own, on a unix socket, or over TLS on a port of loopback.
package final class RedisServer: Sendable {
    /// What clients need to reach it.
    package let configuration: RedisConfiguration
    /// Holds the data, the log, and over TLS the certificates.
    package let folder: URL
    private let arguments: [String]
    private let launcher: [String]
    private let process: Mutex<ServerProcess?>

    /// Starts a server that keeps nothing, unless `arguments` say otherwise (`["--appendonly", "yes"]`).
    /// - Parameter launcher: a program, with its arguments, that starts the server.
    package static func start(_ arguments: [String] = [], launcher: [String] = []) async throws -> RedisServer {
        let folder = try temporaryDirectory()
        let socket = folder.appendingPathComponent("s").path
        let server = RedisServer(
            configuration: RedisConfiguration(endpoint: .unixSocket(path: socket)), folder: folder,
            arguments: ["--port", "0", "--unixsocket", socket] + arguments, launcher: launcher)
        try await server.restart()
        return server
    }

    /// Starts a server that takes connections over TLS with a client certificate only.
    /// - Parameter names: what the server's certificate is for, in the notation of `openssl`; `localhost` at least.
    package static func startTLS(names: String = "DNS:localhost,IP:127.0.0.1") async throws -> RedisServer {
        try await startOnFreePort { folder, port in
            let certificates = try TestCertificates(in: folder, names: names)
            return RedisServer(
                configuration: RedisConfiguration(
                    endpoint: .tcp(host: "127.0.0.1", port: port),
                    tls: RedisConfiguration.TLS(
                        caFile: certificates.authority, certificateFile: certificates.clientCertificate,
                        keyFile: certificates.clientKey, serverName: "localhost")),
                folder: folder,
                arguments: [
                    "--port", "0", "--tls-port", String(port), "--bind", "127.0.0.1",
                    "--tls-ca-cert-file", certificates.authority, "--tls-auth-clients", "yes",
                    "--tls-cert-file", certificates.serverCertificate, "--tls-key-file", certificates.serverKey,
                ])
        }
    }

    /// Starts a node of a cluster, without slots, that knows no other. It stays a primary when its last slot is moved.
    package static func startNode() async throws -> RedisServer {
        try await startOnFreePort { folder, port in
            RedisServer(
                configuration: RedisConfiguration(endpoint: .tcp(host: "127.0.0.1", port: port)), folder: folder,
                arguments: [
                    "--port", String(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes",
                    "--cluster-port", String(try freePort()), "--cluster-node-timeout", "60000",
                    "--cluster-allow-replica-migration", "no",
                ])
        }
    }

    private static func startOnFreePort(_ make: (URL, Int) throws -> RedisServer) async throws -> RedisServer {
        var failure: (any Error)?
        // The port is free when it is looked for, and may be taken before the server gets to it.
        for _ in 1...5 {
            let server = try make(try temporaryDirectory(), try freePort())
            do {
                try await server.restart()
                return server
            } catch {
                failure = error
                server.stop()
            }
        }
        throw failure ?? RedisServerStartError(log: "")
    }

    private init(configuration: RedisConfiguration, folder: URL, arguments: [String], launcher: [String] = []) {
        self.launcher = launcher
        self.configuration = configuration
        self.folder = folder
        self.arguments = arguments
        process = Mutex(nil)
    }

    deinit { stop() }

    /// Ends the server by SIGKILL. What it had written to its append-only file stays.
    package func kill() {
        process.withLock { process in
            process?.kill()
            process = nil
        }
    }

    /// Starts the server anew in the same place, after a SIGKILL if it still runs; returns once it answers.
    ///
    /// As wherever Redis is deployed for this, a torn end of the append-only file is taken off first: Redis itself
    /// leaves half a transaction there, and carries it out when it is started for the second time.
    package func restart() async throws {
        kill()
        let log = folder.appendingPathComponent("log")
        let manifest = folder.appendingPathComponent("appendonlydir/appendonly.aof.manifest").path
        if FileManager.default.fileExists(atPath: manifest) {
            let mend = "yes | redis-check-aof --fix \"$0\""
            let code = try await ChildProgram.run(["sh", "-c", mend, manifest], output: log, errors: log)
            guard code == 0 else { throw RedisServerStartError(log: "redis-check-aof ended with \(code)") }
        }
        let settings = ["--dir", folder.path, "--save", "", "--appendonly", "no", "--daemonize", "no"]
        let words = launcher + ["redis-server"] + settings + arguments
        let started = try ServerProcess(words[0], Array(words.dropFirst()), log: log, folder: folder)
        process.withLock { $0 = started }
        var probe = configuration
        probe.connectTimeout = .milliseconds(250)
        let client = try RedisClient(configuration: probe, logger: silent)
        do {
            try await untilItAnswers(client, started)
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }

    /// Stops or continues the process, for what a server looks like that hangs.
    package func suspend() { process.withLock { $0?.signal(SIGSTOP) } }
    package func resume() { process.withLock { $0?.signal(SIGCONT) } }

    /// Ends the server and removes its folder.
    package func stop() {
        kill()
        try? FileManager.default.removeItem(at: folder)  // a second time there is nothing to remove
    }

    private func untilItAnswers(_ client: RedisClient, _ process: ServerProcess) async throws {
        // Loading what was written in half an hour takes its time on a busy machine.
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            guard !process.hasExited, .now < deadline else {
                let log = try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)
                throw RedisServerStartError(log: log ?? "no log")
            }
            do {
                try await client.send("PING")
                return
            } catch RedisError.refused(let error) where error.code == .noauth || error.code == .noperm {
                return  // it answers, and asks for what only the test knows
            } catch RedisError.notSent(let reason) where reason.contains("NOAUTH") {
                return
            } catch is RedisError {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ServerProcessError(what: "socket", code: errno) }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutableBytes(of: &address) { bytes in
            let address = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
        }
        guard isBound else { throw ServerProcessError(what: "bind", code: errno) }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

package struct RedisServerStartError: Error, CustomStringConvertible {
    let log: String

    package var description: String { "redis-server did not come up (is it installed?): \(log)" }
}

/// Runs `body` with a Redis of its own, which is gone afterwards.
package func withRedis<R>(
    _ arguments: [String] = [], _ body: (RedisServer) async throws -> R
) async throws -> R {
    let server = try await RedisServer.start(arguments)
    defer { server.stop() }
    return try await body(server)
}

private let silent = Logger(label: "redis.test") { _ in SwiftLogNoOpLogHandler() }

/// Runs `body` with a client that is closed afterwards.
package func withClient<R>(
    _ configuration: RedisConfiguration, _ body: (RedisClient) async throws -> R
) async throws -> R {
    let client = try RedisClient(configuration: configuration, logger: silent)
    let result: Result<R, any Error>
    do {
        result = .success(try await body(client))
    } catch {
        result = .failure(error)
    }
    await client.close()
    return try result.get()
}
