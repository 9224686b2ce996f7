import Foundation
import ImportModel
import LeaseStore
import Logging
import RedisClient
import TestSupport

/// How Redis keeps what it acknowledges.
enum Durability: String, CaseIterable {
    case fsync = "fsync always"
    case none = "no append-only file"

    var arguments: [String] {
        switch self {
        case .fsync: ["--appendonly", "yes", "--appendfsync", "always"]
        case .none: ["--appendonly", "no"]
        }
    }
}

/// A folder on the disk to be measured, with a private Redis in it for each measurement.
struct Place {
    let folder: URL

    init(in parent: String) throws {
        folder = URL(fileURLWithPath: parent, isDirectory: true).absoluteURL
            .appendingPathComponent("longshore-bench.\(ProcessInfo.processInfo.processIdentifier)", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func remove() {
        try? FileManager.default.removeItem(at: folder)  // what stays behind is named by its own name
    }

    /// Runs `body` with an empty Redis, set as `deploy/redis.conf` sets it, and an open catalog in it.
    func withCatalog<R>(
        _ durability: Durability, _ body: (Catalog, RedisServer) async throws -> R
    ) async throws -> R {
        let data = folder.appendingPathComponent(UUID().uuidString, isDirectory: true)
        try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
        let arguments =
            ["--dir", data.path, "--hash-max-listpack-value", "1024", "--hash-max-listpack-entries", "128"]
            + durability.arguments
        return try await withRedis(arguments) { server in
            try await withClient(server.configuration) { redis in
                let store = LeaseStore(redis: redis, keys: try Keys(prefix: Catalog.prefix), settings: LeaseSettings())
                _ = try await store.openCatalog()
                return try await body(Catalog(redis: redis, store: store), server)
            }
        }
    }
}

/// What the measurements do with a catalog, in the way in which API and workers do it.
struct Catalog: Sendable {
    static let prefix = "bench"
    static let disk = StoreID(rawValue: "main")
    private static let owner = "5f1c3a0e9b7d4c6282e0a1f4d3b5c7e9"
    private static let digests = ContentDigests(
        md5: String(repeating: "0a", count: 16), sha512: String(repeating: "0a", count: 64))

    let redis: RedisClient
    let store: LeaseStore
    let process = ProcessID.mint(host: "bench", pid: 1)

    /// Adds image records, which the API would have made before an import is asked for.
    func addImages(_ count: Int) async throws -> [ImageID] {
        let ids = (0..<count).map { _ in ImageID.random() }
        _ = try await timed(count, inFlight: 64) { index in
            var image = ImageRecord(id: ids[index])
            image.name = "debian-12-generic-amd64-\(index)"
            image.owner = Self.owner
            image.diskFormat = "qcow2"
            image.containerFormat = "bare"
            guard try await store.createImage(image) != nil else { throw BenchError("an image exists already") }
        }
        return ids
    }

    @discardableResult
    func enqueue(_ image: ImageID) async throws -> TaskID {
        let id = TaskID.random()
        let request = ImportRequest(
            method: .webDownload, uri: "https://images.example.org/releases/bookworm/debian-12-generic-amd64.qcow2",
            stores: stores)
        let reply = try await store.createImport(
            NewTask(id: id, image: image, request: request, owner: Self.owner), wanted: .queued)
        guard case .created = reply else { throw BenchError("a create was answered with \(reply)") }
        return id
    }

    /// The next task; there must be one.
    func claim() async throws -> Claim {
        let reply = try await store.claim(nonce: .mint(), process: process, stores: stores)
        guard case .task(let claim) = reply else { throw BenchError("a claim was answered with \(reply)") }
        return claim
    }

    func beat(_ claim: Claim) async throws {
        let beat = Beat(
            phase: .streaming, message: "31% of 612 MiB, 104 MiB/s", bytesDone: 1 << 28, bytesTotal: 1 << 30)
        let attempt = AttemptID(task: claim.task.id, nonce: claim.nonce)
        if let lost = try await store.beat(attempt, number: claim.task.beatSeq + 1, beat) {
            throw BenchError("a beat was answered with \(lost)")
        }
    }

    func publish(_ claim: Claim) async throws {
        let locations = Dictionary(uniqueKeysWithValues: stores.map { ($0, "\(claim.image.id)/\(claim.nonce)") })
        let reply = try await store.publish(
            AttemptID(task: claim.task.id, nonce: claim.nonce),
            ImportedContent(sizeBytes: 1 << 30, digests: Self.digests, locations: locations),
            diskFormat: claim.image.diskFormat, containerFormat: claim.image.containerFormat, message: "imported")
        guard case .published = reply else { throw BenchError("a publish was answered with \(reply)") }
    }

    var stores: [StoreID] { Self.disk.map { [$0] } ?? [] }

    /// Returns when so many imports have succeeded since the event `id`.
    func waitForEnds(_ count: Int, after id: String) async throws {
        var (id, missing) = (id, count)
        while missing > 0 {
            let events = try await store.events(after: id, atMost: .seconds(30))
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

    /// Empties Redis between two runs.
    func reset() async throws {
        try await redis.send("FLUSHALL", "SYNC")
        _ = try await store.openCatalog()
    }

    /// What Redis's main thread has computed so far.
    func processorSeconds() async throws -> Double {
        let (user, system) = (
            try await info("used_cpu_user_main_thread"), try await info("used_cpu_sys_main_thread")
        )
        return (Double(user) ?? 0) + (Double(system) ?? 0)
    }

    /// A value of `INFO`.
    func info(_ name: String) async throws -> String {
        let text = try await redis.send("INFO", "everything").string ?? ""
        let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix(name + ":") }
        guard let line else { throw BenchError("INFO does not tell \(name)") }
        return String(line.dropFirst(name.count + 1))
    }
}

struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
