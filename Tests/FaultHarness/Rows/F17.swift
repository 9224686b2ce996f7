import DiskImageSamples
import Foundation
import ImportModel
import NIOHTTP1
import Synchronization
import TestSupport

extension FaultRow {
    package static let f17 = FaultRow(
        "F17", "images that are hostile to who looks into them, bombs, and one that kills every worker that takes it",
        passes:
            "a verdict for each; at most as many attempts as allowed, then failed with reason, phase and offset; the others "
            + "are not affected, and memory is bounded",
        least: [.poison: 90, .kill: 3]
    ) { run in
        try await PoisonRound(run: run).play()
        try await BombRound(run: run).play()
    }
}

private struct PoisonRound {
    private static let maxAttempts = 3

    let run: FaultRun

    /// What is hostile, by its number.
    private struct Hostile: Sendable {
        let declared: String
        let bytes: [UInt8]
    }

    func play() async throws {
        let hostile = try await corpus()
        let server = try await ScriptedHTTPServer { request in
            let number = Int(request.target.dropFirst()) ?? 0
            return SourceTrick.whole(hostile[number].bytes)
        }
        let settings = Fleet.calm + ["lease.max-attempts=\(Self.maxAttempts)", "worker.concurrency=8"]
        do {
            try await Fleet.run(run.plan(settings)) { fleet in
                let client = try await fleet.startAPI().client
                var images = try await look(hostile, server, fleet, client)
                images.merge(try await kill(fleet, client)) { $1 }
                let check = RestCheck(fleet: fleet)
                try await check.swept()
                run.violated(try await check.problems(images))
            }
        } catch {
            try await server.stop()
            throw error
        }
        try await server.stop()
    }

    /// Changed and spliced images of all formats, declared as what they were or as something else.
    private func corpus() async throws -> [Hostile] {
        var random = run.random("corpus")
        let samples = try await SampleImages.shared.all().filter { $0.bytes.count < 4_000_000 && !$0.bytes.isEmpty }
        var mutations = Mutations(of: samples, seed: run.seed)
        let names = ["raw", "qcow2", "vmdk", "vhd", "vhdx", "vdi", "iso", "ploop"]
        return (0..<(60 * run.scale)).map { _ in
            let bytes = mutations.next()
            return Hostile(declared: random.pick(names), bytes: bytes.isEmpty ? [0] : bytes)
        }
    }

    /// Hostile images among healthy ones. No process dies of any; what is accepted is what was sent.
    private func look(
        _ hostile: [Hostile], _ server: ScriptedHTTPServer, _ fleet: Fleet, _ client: FleetClient
    ) async throws -> [ImageID: SourceImage] {
        let workers = try await fleet.startWorkers(2)
        var healthy: [ImageID: SourceImage] = [:]
        var ids: [ImageID] = []
        for (number, image) in hostile.enumerated() {
            let id = try await client.create("hostile \(number)", format: image.declared)
            let answer = try await client.requestImport(id, server.url("/\(number)"))
            guard answer.status == 202 else { throw UnexpectedAnswer("import", answer) }
            ids.append(id)
            guard number % 6 == 0 else { continue }
            let good = SourceImage(seed: number, mib: 1)
            healthy[try await client.beginImport(fleet.source.url(good))] = good
        }
        try await client.wait(for: healthy.keys, within: .seconds(60))
        var accepted = 0
        for (id, image) in zip(ids, hostile) {
            try await eventually(within: .seconds(60)) { try await client.task(of: id).state.isTerminal }
            let task = try await client.task(of: id)
            run.count(.poison)
            if task.spent != 1 { run.violated(.economy, "\(task.spent) attempts for a hostile image: \(task.message)") }
            switch task.result {
            case .success:
                accepted += 1
                let stored = try await client.send(.GET, "/v2/images/\(id)/file").body
                if Array(stored) != image.bytes { run.violated(.content, "\(id) is not what was sent") }
                // So that what is left in the store is named by images that are known here.
                _ = try await client.send(.DELETE, "/v2/images/\(id)")
            case .rejected:
                if task.message.isEmpty { run.violated(.answers, "a hostile image was rejected without a reason") }
            default: run.violated(.ends, "a hostile image ended as \(task.result?.rawValue ?? "-"): \(task.message)")
            }
        }
        run.ended(images: ids.count + healthy.count)
        run.figure("hostile images that are accepted as what they are", Double(accepted), "of \(ids.count)")
        for worker in workers {
            if worker.hasExited { run.violated(.economy, "\(worker.name) died of an image:\n\(worker.tail())") }
            worker.kill()
        }
        return healthy
    }

    /// An image whose bytes kill: who has taken half of it dies, wherever it runs. Workers are started again, as
    /// services are.
    private func kill(_ fleet: Fleet, _ client: FleetClient) async throws -> [ImageID: SourceImage] {
        var workers: [String: ServiceProcess] = [:]
        func startWorker() async throws {
            let worker = try await fleet.startWorker()
            workers[try await worker.fleetID()] = worker
        }
        for _ in 0..<3 { try await startWorker() }
        let poison = SourceImage(seed: 9999, mib: 4)
        let half = ImageSource.Fault(kind: .gate, number: poison.size / 2)
        let id = try await client.beginImport(fleet.source.url(poison, half))
        var healthy: [ImageID: SourceImage] = [:]
        var kills = 0
        while true {
            var task = try await client.task(of: id)
            try await eventually(within: .seconds(30)) {
                task = try await client.task(of: id)
                return task.state.isTerminal || (task.attempt == kills + 1 && task.bytesDone > 0)
            }
            if task.state.isTerminal { break }
            // Some run beside it, and some come later.
            for number in 0..<4 {
                let image = SourceImage(seed: 500 + kills * 10 + number, mib: 1)
                healthy[try await client.beginImport(fleet.source.url(image))] = image
            }
            guard let victim = task.worker.flatMap({ workers.removeValue(forKey: $0) }) else {
                throw ServiceFailure("the poison is run by an unknown worker: \(task)")
            }
            victim.kill()
            kills += 1
            run.count(.kill)
            try await startWorker()
        }
        try await client.wait(for: healthy.keys, within: .seconds(60))
        let task = try await client.task(of: id)
        let status = try await client.image(id).status
        // Each has streamed all that came before the gate, and a beat may not have told of the last of it.
        let places = task.history?.map { "\($0.phase) at \($0.bytes)" } ?? []
        let isTold = task.history?.allSatisfy { $0.phase == "streaming" && (1...poison.size / 2).contains($0.bytes) }
        if kills != Self.maxAttempts || task.spent != Self.maxAttempts || task.result != .attemptsSpent {
            run.violated(.economy, "\(kills) workers died of an image, \(task.spent) attempts spent: \(task.message)")
        }
        if status == "active" || task.message.isEmpty || isTold != true {
            run.violated(.answers, "the poisoned import is \(status): '\(task.message)', \(places)")
        }
        run.tell("the poison ended with '\(task.message)', \(places)")
        run.ended(images: healthy.count + 1)
        return healthy
    }
}
