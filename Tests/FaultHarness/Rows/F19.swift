import ImportModel
import LeaseStore
import RedisClient
import TestSupport

extension FaultRow {
    package static let f19 = FaultRow(
        "F19", "a tenant with thousands of jobs beside one with a single one",
        passes: "the single one is claimed within a round: after at most one claim of the other",
        least: [.crowd: 2000]
    ) { run in
        // The crowd is in no hurry to be done: what is looked at is the order of claims.
        try await Fleet.run(run.plan(Fleet.patient)) { fleet in
            let api = try await fleet.startAPI()
            let small = fleet.source.url(SourceImage(seed: 0, bytes: 65_536))
            let crowd = min(10_000, 2000 * run.scale)
            try await PretendFleet.with(fleet, lease: .seconds(60)) { pretend in
                // With the highest priority, which counts among a tenant's own jobs only.
                try await pretend.many(crowd) { _ in try await pretend.queue(small, tenant: "crowd", priority: 9) }
                run.count(.crowd, crowd)
                _ = try await fleet.startWorkers(2, ["--concurrency", "2"])
                var images: [ImageID: SourceImage] = [:]
                var waits: [Double] = []
                for number in 0..<min(50, 10 * run.scale) {
                    let bytes = SourceImage(seed: 1 + number, bytes: 65_536)
                    let task = try await pretend.queue(
                        fleet.source.url(bytes), tenant: "single-\(number % 2)", priority: 0)
                    images[task.image] = bytes
                    try await eventually(within: .seconds(60)) {
                        try await pretend.store.task(task.id).map { $0.attempt > 0 } ?? false
                    }
                    waits.append(try await judge(task.id, fleet, run))
                }
                if try await api.client.queue().tenants["crowd"] ?? 0 == 0 {
                    run.violated(.carriedThrough, "the crowd was gone before all single jobs had come")
                }
                do {
                    try await api.client.wait(for: images.keys)
                } catch {
                    run.violated(.ends, "\(error)")
                }
                run.ended(images: images.count)
                let check = RestCheck(fleet: fleet)
                run.violated(try await check.content(images))
                run.violated(.consistent, try await check.faults())
                run.figure("from create to claim, longest", waits.max() ?? 0, "ms")
            }
        }
    }

    /// Between its creation and its claim, by the server's own account, nobody else may have had two turns. Returns how
    /// long it waited, in milliseconds.
    private static func judge(_ task: TaskID, _ fleet: Fleet, _ run: FaultRun) async throws -> Double {
        let reply = try await fleet.ask(RedisCommand("XREVRANGE", "{longshore}:events", "+", "-", "COUNT", 800))
        var others = 0
        var claimed: Double?
        // From the newest to the oldest.
        for entry in reply.array ?? [] {
            guard let parts = entry.array, parts.count == 2, let fields = parts[1].hash(),
                let at = parts[0].string?.split(separator: "-").first.flatMap({ Double($0) })
            else { continue }
            let isOurs = fields["task"] == task.rawValue
            switch (fields["type"], claimed) {
            case ("claimed", nil) where isOurs: claimed = at
            case ("claimed", .some) where !isOurs: others += 1
            case ("created", let claimed?) where isOurs:
                if others > 1 { run.violated(.economy, "task \(task) was claimed after \(others) of the crowd") }
                return at > claimed ? 0 : claimed - at
            default: break
            }
        }
        run.violated(.carriedThrough, "the events do not tell of task \(task) any more")
        return 0
    }
}
