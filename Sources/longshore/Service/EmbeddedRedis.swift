import Foundation
import Glibc
import ImportModel
import Logging
import RedisClient
import ServiceLifecycle

/// The private Redis of `standalone`: a `redis-server` of this process's own, on a unix socket in its data folder, that
/// writes every change to the disk before it acknowledges it.
final class EmbeddedRedis: Service {
    let socket: String
    private let process: Process?
    private let lock: FileHandle
    private let logger: Logger

    /// Starts the server, or takes over the one that an earlier `standalone`, killed, has left running.
    ///
    /// - Parameter folder: the data folder; it is created, for its owner alone, if it is missing.
    /// - Throws: `InvalidValue` with what to do.
    init(folder: String, logger: Logger) async throws {
        let home = folder + "/redis"
        // A unix socket's path has room for 107 bytes.
        socket = home + "/redis.sock"
        guard socket.utf8.count <= 100 else {
            throw InvalidValue(
                "the data folder's path is too long for a unix socket: \(folder); choose a shorter data-dir")
        }
        do {
            try FileManager.default.createDirectory(
                atPath: home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw InvalidValue("the data folder \(folder) cannot be made: \(error.localizedDescription); set data-dir")
        }
        lock = try Self.lock(home + "/lock", folder)
        self.logger = logger
        if await Self.answers(socket) {
            logger.notice("taking over the Redis that an earlier run has left", metadata: ["socket": "\(socket)"])
            process = nil
            return
        }
        try Self.mend(home)
        process = try Self.start(socket: socket, home: home)
        try await waitUntilReady(home)
    }

    /// Ends when the service is told to stop; the server itself goes on until `stop`, since others still need it.
    func run() async throws {
        let process = process
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                // The only error is the cancellation, which is the ordinary end of this watch.
                try? await cancelWhenGracefulShutdown {
                    while process?.isRunning ?? true { try await Task.sleep(for: .seconds(1)) }
                    return
                }
                if let process, !process.isRunning {
                    throw InvalidValue("the embedded Redis ended by itself; its log is beside its socket")
                }
            }
            try await group.waitForAll()
        }
    }

    /// Stops the server; everything acknowledged is on the disk already.
    func stop() async {
        do {
            let client = try Self.client(socket)
            // The server closes the connection instead of answering.
            _ = try? await client.send("SHUTDOWN", "NOSAVE")
            await client.close()
        } catch {
            logger.warning("the embedded Redis could not be stopped", metadata: ["reason": "\(error)"])
        }
        process?.waitUntilExit()
        try? lock.close()  // closing cannot fail in a way that matters: the process ends
    }

    /// Takes off what a loss of power has left half written at the end of the append-only file. Redis does that by
    /// itself, but leaves half a transaction there, and carries it out when it is started for the second time.
    private static func mend(_ home: String) throws {
        let manifest = home + "/appendonlydir/appendonly.aof.manifest"
        guard FileManager.default.fileExists(atPath: manifest) else { return }
        // It asks before it cuts.
        let process = try launch(["sh", "-c", "yes | redis-check-aof --fix \"$0\"", manifest])
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw InvalidValue(
                "the append-only file of the embedded Redis cannot be read; see redis-check-aof --fix \(manifest)")
        }
    }

    private static func start(socket: String, home: String) throws -> Process {
        try launch([
            "redis-server", "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700", "--dir", home,
            "--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
            "--hash-max-listpack-value", "1024", "--hash-max-listpack-entries", "128", "--daemonize", "no",
            "--logfile", home + "/redis.log",
        ])
    }

    private static func launch(_ words: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            throw InvalidValue("\(words[0]) cannot be started: \(error.localizedDescription); install redis-server")
        }
        return process
    }

    private func waitUntilReady(_ home: String) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while !(await Self.answers(socket)) {
            if process?.isRunning == false {
                throw InvalidValue("redis-server did not start (is it installed?); see \(home)/redis.log")
            }
            guard ContinuousClock.now < deadline else {
                throw InvalidValue("redis-server did not become ready in 60 s; see \(home)/redis.log")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Whether a server that has loaded its data answers on this socket.
    private static func answers(_ socket: String) async -> Bool {
        guard FileManager.default.fileExists(atPath: socket), let client = try? client(socket) else { return false }
        let reply = try? await client.send("PING")
        await client.close()
        return reply?.string == "PONG"
    }

    private static func client(_ socket: String) throws -> RedisClient {
        var configuration = RedisConfiguration(endpoint: .unixSocket(path: socket))
        configuration.connectTimeout = .milliseconds(500)
        var silent = Logger(label: "redis.embedded")
        silent.logLevel = .critical
        return try RedisClient(configuration: configuration, logger: silent)
    }

    /// One `standalone` per data folder.
    private static func lock(_ path: String, _ folder: String) throws -> FileHandle {
        let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw InvalidValue(
                "\(path) cannot be opened: \(String(cString: strerror(errno))); check who owns \(folder)")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw InvalidValue("another 'longshore standalone' uses \(folder); stop it, or set another data-dir")
        }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }
}
