import Foundation
import ImportModel
import NIOHTTP1
import TestSupport

extension FaultRow {
    package static let f9 = FaultRow(
        "F9", "sources that break off, lie, loop, dawdle, change half way and send something else",
        passes: "wrong bytes are never active; what lasts is asked for once, what may pass as often as allowed; "
            + "what was interrupted is continued where it is the same still, and nowhere else",
        least: [.source: 134]
    ) { run in
        for round in 0..<run.scale {
            try await SourceRound(run: run, round: round).play()
            try await RestRound(run: run, round: round).play()
        }
    }
}

/// All tricks once, each with its own image, all at the same time.
struct SourceRound {
    private static let maxAttempts = 5

    let run: FaultRun
    private let tricks: [SourceTrick]
    private let images: [SourceImage]

    init(run: FaultRun, round: Int) {
        self.run = run
        var random = run.random("round \(round)")
        let bytes = Int.random(in: 100_000...400_000, using: &random)
        tricks =
            SourceTrick.passing(using: &random, bytes: bytes) + SourceTrick.lasting(using: &random)
            + SourceTrick.odd(using: &random)
        images = tricks.indices.map { SourceImage(seed: 1_000_000 * (round + 1) + $0 * 2, bytes: Int64(bytes)) }
    }

    func play() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // nothing depends on its going
        let servers = try await SourceServers(tricks, images, folder: folder)
        let settings =
            Fleet.quick + [
                // Attempts are counted, so nobody may lose a lease because the machine is busy.
                "lease.duration=6s", "lease.max-attempts=\(Self.maxAttempts)", "sources.idle-timeout=1s",
                "worker.concurrency=32",
                "sources.ca-file=\(servers.authorities.path)",
            ]
        do {
            try await Fleet.run(run.plan(settings)) { try await play(on: $0, servers) }
        } catch {
            try await servers.stop()
            throw error
        }
        try await servers.stop()
    }

    private func play(on fleet: Fleet, _ servers: SourceServers) async throws {
        let api = try await fleet.startAPI()
        let workers = try await fleet.startWorkers(2)
        var ids: [ImageID] = []
        for (index, trick) in tricks.enumerated() {
            let digest = trick.isChecked ? try await Self.digest(images[index]) : nil
            let id = try await api.client.create("image \(index)", format: trick.format)
            let answer = try await api.client.requestImport(id, servers.url(index), checksum: digest)
            guard answer.status == 202 else { throw UnexpectedAnswer("import", answer) }
            ids.append(id)
        }
        var waiting = Set(ids)
        try await eventually(within: .seconds(60)) {
            for id in waiting where try await api.client.task(of: id).state.isTerminal { waiting.remove(id) }
            return waiting.isEmpty
        }
        var active: [ImageID: SourceImage] = [:]
        for (index, id) in ids.enumerated() {
            let asked = servers.requests(index)
            if servers.rests(index) != tricks[index].rests {
                run.violated(
                    .economy, "\(tricks[index].name): the rest was asked for \(servers.rests(index)) times")
            }
            if try await judge(tricks[index], id, asked: asked, api.client) { active[id] = images[index] }
        }
        run.ended(images: ids.count)
        for process in workers + [api.process] where process.text.contains("hush") {
            run.violated(.economy, "\(process.name) has told a secret in its log")
        }
        let check = RestCheck(fleet: fleet)
        try await check.swept()
        run.violated(try await check.problems(active))
    }

    /// Says what is wrong with the end of an import; returns whether its image ought to be active.
    private func judge(
        _ trick: SourceTrick, _ id: ImageID, asked: Int, _ client: FleetClient
    ) async throws -> Bool {
        let task = try await client.task(of: id)
        let status = try await client.image(id).status
        let ended = task.history?.map(\.reason) ?? []
        let told =
            "\(trick.name): \(status), \(task.result?.rawValue ?? "-"), \(task.spent) spent, "
            + "\(asked) requests, '\(task.message)' \(ended)"
        let attempts: Int
        let result: TaskResult
        var words: String?
        switch trick.end {
        case .active(let count): (attempts, result) = (count, .success)
        case .refused(let text): (attempts, result, words) = (1, .rejected, text)
        case .worn(let text): (attempts, result, words) = (Self.maxAttempts, .attemptsSpent, text)
        }
        // Where nothing can be asked for, because there is no connection, the attempts tell. The last one may be let be.
        let tried = trick.requestsPerAttempt == 0 ? task.spent : asked / trick.requestsPerAttempt
        run.count(.source, result == .success && tried > 1 ? tried - 1 : tried)
        if status == "active", result != .success { run.violated(.content, "wrong bytes are active: \(told)") }
        if status != "active", result == .success { run.violated(.ends, told) }
        if task.result != result { run.violated(.economy, "it should have ended as \(result.rawValue): \(told)") }
        if task.spent != attempts || asked != attempts * trick.requestsPerAttempt {
            run.violated(.economy, "it should have taken \(attempts) attempts: \(told)")
        }
        if let words, !ended.allSatisfy({ $0.contains(words) }) || !task.message.contains(words) {
            run.violated(.answers, "the reason does not say '\(words)': \(told)")
        }
        let paths = [
            "/longshore/v1/tasks/\(task.id)", "/v2/tasks/\(task.id)", "/v2/images/\(id)", "/v2/images/\(id)/tasks",
        ]
        for path in paths where try await client.send(.GET, path).text.contains("hush") {
            run.violated(.answers, "\(path) tells a secret: \(told)")
        }
        return result == .success
    }

    static func digest(_ image: SourceImage) async throws -> String {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // nothing depends on its going
        let file = folder.appendingPathComponent("image")
        try image.bytes.write(to: file)
        return "sha256:" + (try await Program.run("sha256sum", [file.path]).output.prefix(64))
    }
}
