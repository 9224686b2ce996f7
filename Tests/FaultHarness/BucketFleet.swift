import Foundation
import ImportModel
import RedisClient
import TestSupport

/// A fleet with stores in a bucket, and a proxy before its service.
struct BucketFleet: Sendable {
    let fleet: Fleet
    let proxy: S3FaultProxy
    private let server: S3Server
    private let folders: [String]
    private let buckets: [String]

    /// Runs `body` with a fleet, its service and its proxy, which are gone afterwards.
    ///
    /// - Parameters:
    ///   - settings: beside those of a quick fleet.
    ///   - folders: names of stores in folders.
    ///   - buckets: names of stores in the one bucket.
    static func run(
        _ run: FaultRun, _ settings: [String], folders: [String], buckets: [String],
        _ body: (BucketFleet) async throws -> Void
    ) async throws {
        let server = try await S3Server.start(.seaweedFS)
        defer { server.stop() }
        let purpose = "calls of " + (folders + buckets).joined(separator: ", ")
        let proxy = try await S3FaultProxy(to: server.endpoint, random: run.random(purpose))
        var plan = run.plan(Fleet.quick + settings)
        plan.stores = { folder in
            folders.map { "\($0)=filesystem:\(Self.place(of: $0, in: folder).path)" }
                + buckets.map { "\($0)=s3:\(proxy.endpoint)/\(S3Server.bucket)/\($0)?path-style=true&part-size=5MiB" }
        }
        let result: Result<Void, any Error>
        do {
            try await Fleet.run(plan) { fleet in
                try await body(
                    BucketFleet(fleet: fleet, proxy: proxy, server: server, folders: folders, buckets: buckets))
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await proxy.stop()
        try result.get()
    }

    private static func place(of store: String, in folder: URL) -> URL {
        folder.appendingPathComponent("store-\(store)")
    }

    /// How a process is started that knows the bucket's keys.
    func launch(_ arguments: [String] = []) -> Fleet.Launch {
        Fleet.Launch(arguments, environment: S3Server.environment)
    }

    /// Judges everything that lies there at rest, asking the stores themselves.
    func judge(_ run: FaultRun, _ images: [ImageID: SourceImage]) async throws {
        let contents = try buckets.map { ($0, try BucketContents(server, prefix: $0, folder: fleet.folder)) }
        var stores: [String: any StoredObjects] = Dictionary(uniqueKeysWithValues: contents)
        for store in folders { stores[store] = StoreFolder(folder: Self.place(of: store, in: fleet.folder)) }
        let check = RestCheck(fleet: fleet, stores: stores)
        do { try await check.swept() } catch is EventuallyError { run.violated(.consistent, "garbage is not swept") }
        for problem in try await check.problems(images) {
            let key = problem.what.split(separator: " ").first { $0.contains("/") }.map(String.init)
            let calls = key.map { "; its calls: " + proxy.calls(of: $0) } ?? ""
            run.violated(problem.promise, problem.what + calls)
        }
        for (_, contents) in contents { await contents.close() }
    }
}

extension FaultRun {
    /// Nobody who reads logs, tasks or events shall know the credentials of processes.
    func expectNoSecret(in processes: [ServiceProcess], of fleet: Fleet) async throws {
        var texts = processes.map { ("the log of \($0.name)", $0.text) }
        for history in try await TaskHistory.all(in: fleet) {
            texts.append(("task \(history.task)", "\(history.record) \(history.attempts)"))
        }
        let events = try await fleet.ask(RedisCommand("XRANGE", "{longshore}:events", "-", "+"))
        texts.append(("the stream of events", "\(events)"))
        for (place, text) in texts {
            for (name, secret) in [("secret", S3Server.secretAccessKey), ("access", S3Server.accessKeyID)]
            where text.contains(secret) {
                violated(.answers, "\(place) shows the \(name) key of the bucket")
            }
        }
    }

    /// Counts what a proxy has done to calls.
    func count(_ proxy: S3FaultProxy) {
        count(.store, proxy.done.values.reduce(0, +))
        for (fault, count) in proxy.done.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            tell("\(count) × \(fault.rawValue)")
        }
    }
}
