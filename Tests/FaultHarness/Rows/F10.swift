import Foundation
import ImportModel
import TestSupport

extension FaultRow {
    package static let f10 = FaultRow(
        "F10", "stores that refuse, answer wrong or not at all, are full, read-only or gone",
        passes: "never active without a whole object; nothing is left behind",
        least: [.store: 20, .diskFull: 9]
    ) { run in
        // All wait more than they work.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await BucketRound(run: run).play() }
            group.addTask { try await TwoStoreRound(run: run).play() }
            group.addTask { for round in 0..<run.scale { try await DiskRound(run: run, round: round).play() } }
            try await group.waitForAll()
        }
    }
}

/// Imports into a bucket whose service is disturbed all the time.
private struct BucketRound {
    let run: FaultRun

    func play() async throws {
        let server = try await S3Server.start(.seaweedFS)
        defer { server.stop() }
        let proxy = try await S3FaultProxy(to: server.endpoint, random: run.random("calls"))
        var plan = run.plan(
            Fleet.quick + ["lease.max-attempts=500", "worker.stall-timeout=2s", "worker.concurrency=8"])
        let place = "\(proxy.endpoint)/\(S3Server.bucket)/fleet?path-style=true&part-size=5MiB"
        plan.stores = { _ in ["main=s3:\(place)"] }
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
        var random = run.random("sizes")
        var images: [ImageID: SourceImage] = [:]
        for seed in 0..<(16 * run.scale) {
            // One request, or an upload of two or three parts.
            let image = SourceImage(
                seed: seed, bytes: Int64(random.happens(50) ? 1 << 20 : .random(in: 6...12, using: &random) << 20))
            images[try await api.client.beginImport(fleet.source.url(image))] = image
        }
        try await api.client.wait(for: images.keys, within: .seconds(60 + 30 * run.scale))
        proxy.disturb(0, atMost: 0)
        run.ended(images: images.count)
        run.count(.store, proxy.done.values.reduce(0, +))
        for (fault, count) in proxy.done.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            run.tell("\(count) × \(fault.rawValue)")
        }
        let contents = try BucketContents(server, prefix: "fleet", folder: fleet.folder)
        let check = RestCheck(fleet: fleet, objects: contents)
        try await check.swept()
        let problems =
            try await check.problems(images)
            + contents.unfinished().map { .init(promise: .consistent, what: "an unfinished upload of \($0) is left") }
        for problem in problems {
            let key = problem.what.split(separator: " ").first { $0.contains("/") }.map(String.init)
            let calls = key.map { "; its calls: " + proxy.calls(of: $0) } ?? ""
            run.violated(problem.promise, problem.what + calls)
        }
        await contents.close()
        run.expectNoSecret(in: processes)
    }
}
