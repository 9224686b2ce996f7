import ImportModel
import NIOHTTP1
import RedisClient
import TestSupport

extension FaultRow {
    package static let f10 = FaultRow(
        "F10", "stores that refuse, answer wrong or not at all, are full, read-only or gone, while workers die",
        passes: "never active without a whole object; nothing is left behind",
        least: [.store: 20, .diskFull: 9]
    ) { run in
        // All wait more than they work.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await BucketRound(run: run, folders: [], buckets: ["main"]).play() }
            group.addTask { try await BucketRound(run: run, folders: ["main"], buckets: ["bucket"]).play() }
            group.addTask { for round in 0..<run.scale { try await DiskRound(run: run, round: round).play() } }
            try await group.waitForAll()
        }
    }
}

/// Imports into a bucket whose service is disturbed all the time: into it alone, or into a folder as well, where half of
/// the imports can do without the bucket.
private struct BucketRound {
    let run: FaultRun
    let folders: [String]
    let buckets: [String]

    func play() async throws {
        let settings = [
            "lease.max-attempts=500", "worker.stall-timeout=2s", "worker.concurrency=8", "import.checkpoint-size=5MiB",
        ]
        try await BucketFleet.run(run, settings, folders: folders, buckets: buckets, play)
    }

    private func play(on site: BucketFleet) async throws {
        let api = try await site.fleet.startAPI(site.launch())
        var workers: [ServiceProcess] = []
        for _ in 0..<2 { workers.append(try await site.fleet.startWorker(site.launch())) }
        site.proxy.disturb(25, atMost: 40 * run.scale)
        var random = run.random("sizes with \(folders.count) folders")
        var (needing, sparing): ([ImageID: SourceImage], [ImageID: SourceImage]) = ([:], [:])
        for seed in 0..<(14 * run.scale) {
            // One request, or an upload of two to five parts, which another attempt goes on with.
            let image = SourceImage(
                seed: seed, bytes: Int64(random.happens(40) ? 1 << 20 : .random(in: 6...24, using: &random) << 20))
            let uri = site.fleet.source.url(image, .init(kind: .drip, number: 16 << 20), isVersioned: true)
            let mustAll = folders.isEmpty || seed % 2 == 0
            let id = try await api.client.create()
            let order = try await api.client.send(
                .POST, "/v2/images/\(id)/import",
                json: #"""
                    {"method": {"name": "web-download", "uri": "\#(uri)"}, "all_stores": true,
                    "all_stores_must_succeed": \#(mustAll)}
                    """#)
            guard order.status == 202 else { throw UnexpectedAnswer("import", order) }
            if mustAll { needing[id] = image } else { sparing[id] = image }
        }
        let images = needing.merging(sparing) { $1 }
        try await replace(&workers, site)
        let processes = workers + [api.process]
        try await api.client.wait(for: images.keys, within: .seconds(60 + 30 * run.scale))
        site.proxy.disturb(0, atMost: 0)
        run.ended(images: images.count)
        run.count(site.proxy)
        let continued = Continuations(of: processes).count
        if continued == 0 { run.violated(.carriedThrough, "no import into \(folders + buckets) was continued") }
        run.tell("\(continued) attempts went on where another was")
        try await site.judge(run, images)
        if !folders.isEmpty { try await look(at: needing, sparing, site.fleet) }
        try await run.expectNoSecret(in: processes, of: site.fleet)
    }

    /// Kills the workers when an import has a checkpoint, so that others have to go on with it, and starts others.
    private func replace(_ workers: inout [ServiceProcess], _ site: BucketFleet) async throws {
        try await eventually(within: .seconds(60)) {
            let found = try await site.fleet.ask(RedisCommand("KEYS", "{longshore}:task:*:checkpoint"))
            return found.array?.isEmpty == false
        }
        for worker in workers { worker.kill() }
        run.count(.kill, workers.count)
        for _ in 0..<2 { workers.append(try await site.fleet.startWorker(site.launch())) }
    }

    /// Images that need all stores name them; others say which have failed.
    private func look(
        at needing: [ImageID: SourceImage], _ sparing: [ImageID: SourceImage], _ fleet: Fleet
    ) async throws {
        var failures = 0
        for (id, _) in needing.merging(sparing, uniquingKeysWith: { $1 }) {
            for store in buckets {
                let fields =
                    try await fleet.ask(
                        RedisCommand("HMGET", "{longshore}:image:\(id)", "loc:\(store)", "failed")
                    ).array ?? []
                guard fields.first?.string == nil else { continue }
                failures += 1
                if needing[id] != nil { run.violated(.content, "image \(id) is active without a store that it needs") }
                if fields.last?.string != store { run.violated(.answers, "image \(id) names no store that failed") }
            }
        }
        run.tell("\(failures) of \(sparing.count) images that could do without the bucket did")
    }
}
