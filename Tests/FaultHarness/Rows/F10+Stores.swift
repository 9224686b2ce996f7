import Foundation
import ImportModel
import NIOHTTP1
import NIOPosix
import RedisClient
import TestSupport

/// Imports into a folder and a bucket at once. The bucket's service is disturbed all the time; half of the imports can
/// do without it.
struct TwoStoreRound {
    let run: FaultRun

    private static let prefix = "both"

    func play() async throws {
        let server = try await S3Server.start(.seaweedFS)
        defer { server.stop() }
        let proxy = try await S3FaultProxy(to: server.endpoint, random: run.random("calls of two stores"))
        var plan = run.plan(
            Fleet.quick + ["lease.max-attempts=500", "worker.stall-timeout=2s", "worker.concurrency=8"])
        let place = "\(proxy.endpoint)/\(S3Server.bucket)/\(Self.prefix)?path-style=true&part-size=5MiB"
        plan.stores = { ["main=filesystem:\($0.path)/store", "bucket=s3:\(place)"] }
        do {
            try await Fleet.run(plan) { try await play(on: $0, server, proxy) }
        } catch {
            try await proxy.stop()
            throw error
        }
        try await proxy.stop()
    }

    private func play(on fleet: Fleet, _ server: S3Server, _ proxy: S3FaultProxy) async throws {
        let keys = Fleet.Launch(environment: S3Server.environment)
        let api = try await fleet.startAPI(keys)
        var processes = [api.process]
        for _ in 0..<2 { processes.append(try await fleet.startWorker(keys)) }
        proxy.disturb(25, atMost: 40 * run.scale)
        var random = run.random("sizes for two stores")
        var (needing, sparing): ([ImageID: SourceImage], [ImageID: SourceImage]) = ([:], [:])
        for seed in 0..<(12 * run.scale) {
            let image = SourceImage(
                seed: 5000 + seed,
                bytes: Int64(random.happens(50) ? 1 << 20 : .random(in: 6...12, using: &random) << 20))
            let mustAll = seed % 2 == 0
            let id = try await api.client.create()
            let order = try await api.client.send(
                .POST, "/v2/images/\(id)/import",
                json: #"""
                    {"method": {"name": "web-download", "uri": "\#(fleet.source.url(image))"}, "all_stores": true,
                    "all_stores_must_succeed": \#(mustAll)}
                    """#)
            guard order.status == 202 else { throw UnexpectedAnswer("import", order) }
            if mustAll { needing[id] = image } else { sparing[id] = image }
        }
        let images = needing.merging(sparing) { $1 }
        try await api.client.wait(for: images.keys, within: .seconds(60 + 30 * run.scale))
        proxy.disturb(0, atMost: 0)
        run.ended(images: images.count)
        run.count(.store, proxy.done.values.reduce(0, +))

        let check = RestCheck(fleet: fleet)
        try await check.swept()
        run.violated(try await check.problems(images))
        let contents = try BucketContents(server, prefix: Self.prefix, folder: fleet.folder)
        try await look(at: contents, fleet, needing, sparing)
        await contents.close()
        run.expectNoSecret(in: processes)
    }

    /// The bucket holds what images name there, and nothing else; those that need it name it.
    private func look(
        at contents: BucketContents, _ fleet: Fleet, _ needing: [ImageID: SourceImage],
        _ sparing: [ImageID: SourceImage]
    ) async throws {
        var strays = try await contents.keys()
        var failed = 0
        for (id, image) in needing.merging(sparing, uniquingKeysWith: { $1 }) {
            let fields =
                try await fleet.ask(
                    RedisCommand("HMGET", "{longshore}:image:\(id)", "loc:bucket", "failed")
                ).array ?? []
            guard let key = fields.first?.string else {
                failed += 1
                if needing[id] != nil { run.violated(.content, "image \(id) is active without a store that it needs") }
                if fields.last?.string != "bucket" { run.violated(.answers, "image \(id) names no store that failed") }
                continue
            }
            strays.remove(key)
            guard let file = try await contents.file(of: key) else {
                run.violated(.content, "the object \(key) is missing in the bucket")
                continue
            }
            let difference = try await NIOThreadPool.singleton.runIfActive { try image.difference(from: file) }
            if let difference { run.violated(.content, "object \(key) in the bucket: \(difference)") }
        }
        for key in strays { run.violated(.consistent, "the object \(key) in the bucket is named by nothing") }
        for key in try await contents.unfinished() {
            run.violated(.consistent, "an unfinished upload of \(key) is left in the bucket")
        }
        run.tell("\(failed) of \(sparing.count) images that could do without the bucket did")
    }
}

extension FaultRun {
    /// Nobody who reads the logs of processes shall know their credentials.
    func expectNoSecret(in processes: [ServiceProcess]) {
        for process in processes where process.text.contains(S3Server.secretAccessKey) {
            violated(.consistent, "the log of \(process.name) shows the secret key of the bucket")
        }
    }
}
