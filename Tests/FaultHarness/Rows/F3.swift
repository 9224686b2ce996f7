import Foundation
import ImportModel
import Synchronization

extension FaultRow {
    /// 30 kills for each scale.
    package static let f3 = FaultRow(
        "F3", "API processes killed before, while and after they ask for the lock and task of an import or an upload",
        passes: "a request that is repeated has one task; no lock without its task, no task outside the indexes; "
            + "nothing is left of an upload, and it can be sent again",
        least: [.kill: 30]
    ) { run in
        // In rounds, so that the disk holds the images of one only, and so that each ends at rest.
        for first in stride(from: 0, to: 30 * run.scale, by: 300) {
            let kills = min(300, 30 * run.scale - first)
            try await Fleet.run(run.plan(Fleet.quick)) { fleet in
                try await DoomedAPIs(run, fleet).die(kills)
                run.tell("\(first + kills) of \(30 * run.scale) API processes have died")
            }
        }
        try await Fleet.run(run.plan(Fleet.quick)) { fleet in
            _ = try await fleet.startWorker()
            for number in 0..<run.scale { try await DoomedUploads(run: run, fleet: fleet).round(number) }
        }
    }
}

/// API processes that die under their clients and are replaced at once.
private final class DoomedAPIs {
    private struct Doomed {
        let process: ServiceProcess
        /// From its listening on.
        let patience: Duration
        /// `nil`: it has yet to listen.
        var killAt: ContinuousClock.Instant?
    }

    private let run: FaultRun
    private let fleet: Fleet
    private let client: RepeatingClient
    private var random: SeededRandom
    private var slots: [Doomed] = []
    /// How many died at a step of theirs, and not by a signal.
    private var atStep = 0

    init(_ run: FaultRun, _ fleet: Fleet) {
        self.run = run
        self.fleet = fleet
        client = RepeatingClient(run, [])
        random = run.random("deaths \(run.faults(.kill))")
    }

    func die(_ kills: Int) async throws {
        let goal = run.faults(.kill) + kills
        let steady = try await fleet.startAPI()
        _ = try await fleet.startWorkers(2)
        var shape = Workload.Shape()
        shape.mib = [1]
        shape.rate = 64 << 20
        let requests = Mutex<[ImageID: String]>([:])
        let (client, before) = (client, client.failures)
        let works = (0..<3).map { number in
            Workload(run, fleet, shape, first: number * 1_000_000) { uri in
                let image = try await steady.client.create()
                let requestID = "req-\(UUID().uuidString.lowercased())"
                requests.withLock { $0[image] = requestID }
                try await client.beginImport(of: image, uri, requestID: requestID)
                return image
            }
        }
        slots = try (0..<2).map { _ in try launch() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for work in works { group.addTask { try await work.run() } }
            while run.faults(.kill) < goal {
                for index in slots.indices where run.faults(.kill) < goal { try await tend(index) }
                // How often it looks.
                try await Task.sleep(for: .milliseconds(10))
            }
            // Requests that are open now find somebody.
            for index in slots.indices { client.replace(index, by: steady.client) }
            for slot in slots { slot.process.kill() }
            works.forEach { $0.stop() }
            try await group.waitForAll()
        }
        if atStep == 0 { run.violated(.carriedThrough, "nobody died between asking and answering") }
        for work in works { try await work.settle() }
        try await judge(requests.withLock(\.self))
        try await run.judge(fleet, works)
        run.figure("requests that were not answered", Double(client.failures - before), "requests")
    }

    private func launch() throws -> Doomed {
        let chance = random.pick([5, 15, 40])
        let point = random.pick([Failpoint.createSent, .createAnswered])
        let launch = Fleet.Launch(environment: [
            FailpointPlan.variable: "\(point.rawValue)=kill%\(chance)",
            FailpointPlan.seedVariable: String(UInt32.random(in: 0 ... .max, using: &random)),
        ])
        return Doomed(
            process: try fleet.beginAPI(launch),
            patience: .milliseconds(Int.random(in: 200...1500, using: &random)))
    }

    private func tend(_ index: Int) async throws {
        let slot = slots[index]
        if slot.process.hasExited || slot.killAt.map({ ContinuousClock.now >= $0 }) ?? false {
            client.replace(index, by: nil)
            if slot.process.lines().contains(where: { $0.message.hasPrefix("failpoint ") }) {
                atStep += 1
            } else if slot.process.hasExited {
                run.violated(.carriedThrough, "\(slot.process.name) ended by itself:\n\(slot.process.tail())")
            }
            slot.process.kill()
            run.count(.kill)
            slots[index] = try launch()
            try await look()
        } else if slot.killAt == nil, slot.process.lines().contains(where: { $0.message == "listening" }) {
            client.replace(index, by: FleetClient(endpoint: try await slot.process.address()))
            slots[index].killAt = .now + slot.patience
        }
    }

    /// A look at all locks and tasks at one moment, while others go on.
    private func look() async throws {
        run.violated(.consistent, try await RestCheck(fleet: fleet).invariants())
    }

    /// One task for each request, with its id.
    private func judge(_ requests: [ImageID: String]) async throws {
        var tasks: [String: [String]] = [:]
        for history in try await TaskHistory.all(in: fleet) {
            tasks[history.record["image"] ?? "", default: []].append(history.record["request_id"] ?? "")
        }
        for (image, request) in requests where tasks[image.rawValue] != [request] {
            run.violated(
                .acknowledged, "image \(image), asked for by \(request), has tasks of \(tasks[image.rawValue] ?? [])")
        }
    }
}
