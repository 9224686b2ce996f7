import Foundation
import ImportModel
import TestSupport

/// Imports that are interrupted by their sources, half way, and continued by whoever comes next; and imports by several
/// connections at once.
struct RestRound {
    private static let maxAttempts = 5

    let run: FaultRun
    private let tricks = RestTrick.all
    private let images: [SourceImage]

    init(run: FaultRun, round: Int) {
        self.run = run
        images = tricks.indices.map {
            SourceImage(seed: 2_000_000_000 + 1000 * round + $0 * 2, mib: RestTrick.all[$0].mib)
        }
    }

    private static let settings =
        Fleet.quick + [
            // Attempts are counted, so nobody may lose a lease because the machine is busy.
            "lease.duration=6s", "lease.max-attempts=\(maxAttempts)", "worker.concurrency=8",
            "import.checkpoint-size=1MiB", "sources.minimum-rate=100KiB", "sources.rate-window=2s",
            "sources.connections=4",
        ]

    func play() async throws {
        let sources = try await RestSources(tricks, images)
        let result: Result<Void, any Error>
        do {
            try await Fleet.run(run.plan(Self.settings)) { try await play(on: $0, sources) }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await sources.stop()
        try result.get()
    }

    private func play(on fleet: Fleet, _ sources: RestSources) async throws {
        let api = try await fleet.startAPI()
        let workers = try await fleet.startWorkers(2)
        var ids: [ImageID] = []
        for (index, trick) in tricks.enumerated() {
            let digest = trick.isChecked ? try await SourceRound.digest(images[index]) : nil
            let id = try await api.client.create("image \(index)")
            let answer = try await api.client.requestImport(id, sources.url(index), checksum: digest)
            guard answer.status == 202 else { throw UnexpectedAnswer("import", answer) }
            ids.append(id)
        }
        var waiting = Set(ids)
        try await eventually(within: .seconds(120)) {
            for id in waiting where try await api.client.task(of: id).state.isTerminal { waiting.remove(id) }
            return waiting.isEmpty
        }
        let continuations = Continuations(of: workers)
        var active: [ImageID: SourceImage] = [:]
        for (index, id) in ids.enumerated() {
            try await judge(tricks[index], id, continuations, sources.requests(index), api.client)
            if tricks[index].spent != nil { active[id] = images[index] }
        }
        run.ended(images: ids.count)
        let check = RestCheck(fleet: fleet)
        try await check.swept()
        run.violated(try await check.problems(active))
    }

    private func judge(
        _ trick: RestTrick, _ id: ImageID, _ continuations: Continuations, _ requests: (all: Int, ahead: Int),
        _ client: FleetClient
    ) async throws {
        let task = try await client.task(of: id)
        let status = try await client.image(id).status
        let offsets = continuations.offsets["\(task.id)"] ?? []
        let anew = continuations.anew["\(task.id)"] ?? []
        let told =
            "\(trick.name): \(status), \(task.spent) spent, continued at \(offsets), begun anew \(anew), "
            + "\(requests) requests, '\(task.message)' \(task.history?.map(\.reason) ?? [])"
        run.count(.source, max(0, task.spent - (trick.spent == nil ? 0 : 1)) + (requests.ahead > 0 ? 1 : 0))
        if (status == "active") != (trick.spent != nil) { run.violated(.ends, told) }
        if task.spent != trick.spent ?? Self.maxAttempts { run.violated(.economy, "other attempts: \(told)") }
        if Set(offsets).count != trick.continued || offsets.count != trick.continued
            || offsets.contains(where: { $0 < 1 << 20 })
        {
            run.violated(.economy, "it should have been continued \(trick.continued) times: \(told)")
        }
        if anew.count != (trick.anew == nil ? 0 : 1) || !anew.allSatisfy({ $0.contains(trick.anew ?? "") }) {
            run.violated(.economy, "it should have been begun anew for '\(trick.anew ?? "nothing")': \(told)")
        }
        if requests.ahead < trick.ahead || (trick.ahead == 0 && requests.ahead > 0) {
            run.violated(.economy, "further connections asked \(requests.ahead) times: \(told)")
        }
    }
}
