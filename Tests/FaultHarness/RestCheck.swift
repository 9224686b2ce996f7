package import Foundation
package import ImportModel
import NIOPosix
import RedisClient
import TestSupport

/// What must be true of a fleet in which nothing is going on, read from Redis and from the stores themselves.
package struct RestCheck: Sendable {
    package let fleet: Fleet
    /// What each store holds, by name.
    let stores: [String: any StoredObjects]

    /// - Parameter objects: what the store `main` holds, which is the only one; `nil`: it is the fleet's folder.
    package init(fleet: Fleet, objects: (any StoredObjects)? = nil) {
        self.init(fleet: fleet, stores: ["main": objects ?? StoreFolder(folder: fleet.store)])
    }

    /// - Parameter stores: what each store of the fleet holds. Every image has to be in `main`.
    package init(fleet: Fleet, stores: [String: any StoredObjects]) {
        self.fleet = fleet
        self.stores = stores
    }

    /// Everything that is wrong; an empty list is what a test wants.
    ///
    /// - Parameters:
    ///   - images: what every active image must consist of.
    ///   - isSwept: whether the store may hold nothing but what images name.
    package func problems(
        _ images: [ImageID: SourceImage], isSwept: Bool = true
    ) async throws -> [FaultReport.Violation] {
        let left = try await strays(isSwept: isSwept) + faults()
        return try await problemsInRedis(images) + left.map { .init(promise: .consistent, what: $0) }
    }

    /// The same, where objects may be left that a Redis which has lost its memory cannot know of.
    package func problemsInRedis(_ images: [ImageID: SourceImage]) async throws -> [FaultReport.Violation] {
        let records = try await indexes() + invariants() + publications() + copies() + attempts()
        return try await content(images) + records.map { .init(promise: .consistent, what: $0) }
    }

    /// Waits until the sweepers have removed everything that they may.
    package func swept(within limit: Duration = .seconds(150)) async throws {
        try await eventually(within: limit) {
            try await fleet.ask(RedisCommand("ZCARD", "{longshore}:garbage")).int == 0
        }
    }

    func indexes() async throws -> [String] {
        var problems = try await keys("image:*:lock").map { "\($0) is left" }
        problems += try await keys("queue:*").map { "\($0) is not empty" }
        for name in ["leases", "delayed", "ring"] {
            let count = try await fleet.ask(RedisCommand("ZCARD", "{longshore}:\(name)")).int
            if count != 0 { problems.append("\(name) holds \(count ?? -1)") }
        }
        let live = try await fleet.ask(RedisCommand("ZCARD", "{longshore}:live")).int
        if live != 0 { problems.append("live holds \(live ?? -1)") }
        return problems
    }

    /// What the fleet's own online check has found from the beginning on.
    package func faults() async throws -> [String] {
        let reply = try await fleet.ask(RedisCommand("HGETALL", "{longshore}:stats"))
        guard let figures = reply.hash() else { throw ServiceFailure("Redis does not show the figures: \(reply)") }
        let found = figures.filter { $0.key.hasPrefix("faults:") }
        guard !found.isEmpty else { return [] }
        // What it said of them, as far as the stream still goes back.
        let entries = try await fleet.ask(RedisCommand("XRANGE", "{longshore}:events", "-", "+")).array ?? []
        let told = entries.compactMap(EventTrace.event).filter { $0.type == "fault" }.map {
            "\($0.imageId): \($0.detail)"
        }
        return found.map { "the online check counted \($0.value) \($0.key): \(told)" }
    }

    /// Whether the online check has looked at anything: what it does not find means nothing before.
    func isWatched() async throws -> [FaultReport.Violation] {
        var problems: [FaultReport.Violation] = []
        for what in ["tasks", "images", "objects"] where try await fleet.counter("audited:\(what)") == 0 {
            problems.append(.init(promise: .carriedThrough, what: "the online check has looked at no \(what)"))
        }
        return problems
    }

    /// Every image is active, and every byte is the source's, in each store that it names.
    func content(_ images: [ImageID: SourceImage]) async throws -> [FaultReport.Violation] {
        let ids = Array(images.keys)
        let records = try await fleet.ask(ids.map { RedisCommand("HGETALL", "{longshore}:image:\($0)") })
        var problems: [FaultReport.Violation] = []
        func wrong(_ promise: Promise, _ what: String) { problems.append(.init(promise: promise, what: what)) }
        var files: [StoredImage] = []
        for (id, reply) in zip(ids, records) {
            guard let record = reply.hash() else { throw ServiceFailure("Redis does not show image \(id): \(reply)") }
            guard record["status"] == "active", record["loc:main"] != nil, let image = images[id] else {
                wrong(.ends, "image \(id) is \(record["status"] ?? "gone")")
                continue
            }
            if record["size"] != String(image.size) {
                wrong(.content, "image \(id) has the size \(record["size"] ?? "-")")
            }
            for (store, key) in Self.locations(record) {
                guard let file = try await stores[store]?.file(of: key) else {
                    wrong(.content, "the object \(key) is missing in the store \(store)")
                    continue
                }
                // Reading blocks.
                let difference = try await NIOThreadPool.singleton.runIfActive { try image.difference(from: file) }
                if let difference { wrong(.content, "object \(key) in the store \(store): \(difference)") }
                files.append(StoredImage(image: id, record: record, file: file))
            }
        }
        for (field, tool) in [("md5", "md5sum"), ("sha512", "sha512sum")] where !files.isEmpty {
            let sums = try await Program.run(tool, files.map(\.file.path), limit: 300).output.split(separator: "\n")
            for (sum, entry) in zip(sums, files) where sum.prefix(while: { $0 != " " }) != entry.record[field] ?? "-" {
                wrong(.content, "image \(entry.image) has a wrong \(field)")
            }
            if sums.count != files.count { wrong(.content, "\(tool) read \(sums.count) of \(files.count) files") }
        }
        return problems
    }

    private struct StoredImage {
        let image: ImageID
        let record: [String: String]
        let file: URL
    }

    /// The object of an image in each store.
    static func locations(_ record: [String: String]) -> [(store: String, key: String)] {
        record.filter { $0.key.hasPrefix("loc:") }.map { (String($0.key.dropFirst("loc:".count)), $0.value) }
    }

    /// Every claim has its line of history, and no more were spent than made.
    func attempts() async throws -> [String] {
        let all = try await keys("task:*")
        var problems = all.filter { $0.hasSuffix(":checkpoint") }.map { "\($0) is left" }
        let names = all.filter { !$0.hasSuffix(":history") && !$0.hasSuffix(":checkpoint") }
        for name in names {
            let replies = try await fleet.ask([
                RedisCommand("HGETALL", name), RedisCommand("LLEN", "\(name):history"),
            ])
            let task = replies[0].hash() ?? [:]
            let (attempt, spent) = (Int(task["attempt"] ?? "0") ?? -1, Int(task["spent"] ?? "0") ?? -1)
            if !["success", "failure"].contains(task["state"]) {
                problems.append("\(name) is \(task["state"] ?? "gone")")
            }
            if spent > attempt { problems.append("\(name) spent \(spent) of \(attempt) attempts") }
            if attempt <= 32, replies[1].int != Int64(attempt) {
                let told = try await fleet.ask(RedisCommand("LRANGE", "\(name):history", 0, -1)).array ?? []
                problems.append("\(name) had \(attempt) attempts and tells of \(told.compactMap(\.string)): \(task)")
            }
        }
        return problems
    }

    /// What lies in the stores though nothing names it.
    func strays(isSwept: Bool) async throws -> [String] {
        let images = try await keys("image:*").filter { $0.split(separator: ":").count == 3 }
        let records = try await fleet.ask(images.map { RedisCommand("HGETALL", $0) })
        // As garbage is called: the store, and the object's key.
        var named = Set(records.flatMap { Self.locations($0.hash() ?? [:]) }.map { "\($0.store) \($0.key)" })
        if !isSwept {
            let garbage = try await fleet.ask(RedisCommand("ZRANGE", "{longshore}:garbage", 0, -1)).array ?? []
            named.formUnion(garbage.compactMap(\.string))
        }
        var problems: [String] = []
        for (store, objects) in stores {
            problems += try await objects.keys().filter { !named.contains("\(store) \($0)") }
                .map { "the object \($0) in the store \(store) is named by nothing" }
            problems += try await objects.unfinished()
                .map { "an unfinished upload of \($0) is left in the store \(store)" }
        }
        return problems
    }

    /// The keys of all objects, whole or not, in a store's folder.
    package static func objects(in store: URL) -> Set<String> {
        let objects = store.appendingPathComponent("objects")
        var keys = Set<String>()
        for case let path as String in FileManager.default.enumerator(atPath: objects.path) ?? .init() {
            let names = path.split(separator: "/")
            guard names.count == 3 else { continue }
            keys.insert("\(names[1])/\(names[2].split(separator: ".")[0])")
        }
        return keys
    }
}

/// What a store holds, read without the product's help where that is possible.
package protocol StoredObjects: Sendable {
    /// A file with the bytes of an object; `nil` if there is none.
    func file(of key: String) async throws -> URL?
    /// The keys of everything, whole or not.
    func keys() async throws -> Set<String>
    /// The keys of uploads that nobody has ended, where the store has such a thing.
    func unfinished() async throws -> [String]
}

extension StoredObjects {
    package func unfinished() async throws -> [String] { [] }
}

/// A store in a folder, as it lies there.
struct StoreFolder: StoredObjects {
    let folder: URL

    func file(of key: String) -> URL? {
        let file = folder.appendingPathComponent("objects/\(key.prefix(2))/\(key)")
        return FileManager.default.fileExists(atPath: file.path) ? file : nil
    }

    func keys() -> Set<String> { RestCheck.objects(in: folder) }
}
