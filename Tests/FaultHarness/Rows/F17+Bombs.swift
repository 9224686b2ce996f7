import Foundation
import ImportModel
import NIOHTTP1
import NIOPosix
import TestSupport

/// Bombs among healthy images, fetched and uploaded, with workers that decompress and convert.
struct BombRound {
    /// The largest source, in bytes.
    static let maxBytes: Int64 = 100 << 20
    /// What a worker may take beside what it has when it is idle, in MiB: 24 for each import, and what decompressing
    /// the usual takes.
    private static let memory: Double = 4 * (24 + 16)
    private static let settings =
        Fleet.calm + [
            "lease.max-attempts=3", "worker.concurrency=4", "import.plugins=decompress,convert",
            "import.convert-to=raw", "import.convert.max-bytes=1TiB", "sources.max-bytes=\(maxBytes)",
        ]

    let run: FaultRun

    private struct Thrown {
        let bomb: Bomb
        let way: String
        let image: ImageID
    }

    func play() async throws {
        // Waiting for programs blocks a thread.
        let bombs = try await NIOThreadPool.singleton.runIfActive { try Bomb.all() }
        let server = try await ScriptedHTTPServer { request in
            let bomb = bombs[Int(request.target.dropFirst()) ?? 0]
            return bomb.isSlow ? Self.slowly(bomb.bytes) : SourceTrick.whole(bomb.bytes)
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await Fleet.run(run.plan(Self.settings)) { try await play(bombs, server, on: $0) })
        } catch {
            result = .failure(error)
        }
        try await server.stop()
        try result.get()
    }

    private func play(_ bombs: [Bomb], _ server: ScriptedHTTPServer, on fleet: Fleet) async throws {
        let scratch = fleet.folder.appendingPathComponent("scratch")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: false)
        let client = try await fleet.startAPI().client
        let worker = try await fleet.startWorker(["--set", "import.scratch=\(scratch.path)"])
        let first = SourceImage(seed: 0, mib: 2)
        var healthy = [try await client.beginImport(fleet.source.url(first)): first]
        try await client.wait(for: healthy.keys)
        let idle = ProcessFigures.peakMemory(worker.pid) ?? 0

        var thrown: [Thrown] = []
        for (number, bomb) in bombs.enumerated() {
            let fetched = try await client.create(bomb.name, format: bomb.declared)
            let answer = try await client.requestImport(fetched, server.url("/\(number)"))
            guard answer.status == 202 else { throw UnexpectedAnswer("import", answer) }
            thrown.append(Thrown(bomb: bomb, way: "fetched", image: fetched))
            if !bomb.isSlow { thrown.append(Thrown(bomb: bomb, way: "staged", image: try await stage(bomb, client))) }
            let good = SourceImage(seed: 1 + number, mib: 1)
            healthy[try await client.beginImport(fleet.source.url(good))] = good
        }
        try await client.wait(for: healthy.keys)
        for one in thrown { try await judge(one, client) }
        run.ended(images: thrown.count + healthy.count)

        let peak = (ProcessFigures.peakMemory(worker.pid) ?? .infinity) - idle
        run.figure("memory of a worker under bombs, above idle", peak, "MiB")
        if peak > Self.memory { run.violated(.economy, "a worker took \(peak) MiB for bombs, above idle") }
        if worker.hasExited { run.violated(.economy, "\(worker.name) died of a bomb:\n\(worker.tail())") }
        let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
        if !left.isEmpty { run.violated(.consistent, "bombs left \(left) to be converted") }
        let check = RestCheck(fleet: fleet)
        try await check.swept()
        run.violated(try await check.problems(healthy))
    }

    /// Uploads a bomb and asks for its import.
    private func stage(_ bomb: Bomb, _ client: FleetClient) async throws -> ImageID {
        let image = try await client.create(bomb.name, format: bomb.declared)
        let staged = try await client.send(
            .PUT, "/v2/images/\(image)/stage", headers: [("Content-Type", "application/octet-stream")],
            body: Data(bomb.bytes))
        guard staged.status == 204 else { throw UnexpectedAnswer("the staging of \(bomb.name)", staged) }
        let answer = try await client.send(
            .POST, "/v2/images/\(image)/import", json: #"{"method":{"name":"glance-direct"}}"#)
        guard answer.status == 202 else { throw UnexpectedAnswer("the import of \(bomb.name)", answer) }
        return image
    }

    /// Refused at once, for the right reason, and nothing of it can be had.
    private func judge(_ thrown: Thrown, _ client: FleetClient) async throws {
        var task = try await client.tasks(of: thrown.image).first
        try await eventually(within: .seconds(120)) {
            task = try await client.tasks(of: thrown.image).first { $0.method != nil }
            return task?.state.isTerminal == true
        }
        run.count(.poison)
        guard let task else { return }
        let what = "\(thrown.bomb.name), \(thrown.way)"
        if task.result != .rejected || !task.message.contains(thrown.bomb.refusal) {
            run.violated(.answers, "\(what), ended as \(task.result?.rawValue ?? "-"): \(task.message)")
        }
        if task.spent != 1 { run.violated(.economy, "\(what), took \(task.spent) attempts: \(task.message)") }
        if try await client.image(thrown.image).status == "active" { run.violated(.content, "\(what), is active") }
        // So that what is left in the store is named by images that are known here.
        let answer = try await client.send(.DELETE, "/v2/images/\(thrown.image)")
        guard answer.status == 204 else { throw UnexpectedAnswer("the deletion of \(what)", answer) }
    }

    private static func slowly(_ bytes: [UInt8]) -> [ScriptedHTTPServer.Step] {
        let size = 2048
        return [SourceTrick.head("200 OK", "Content-Length: \(bytes.count)")]
            + stride(from: 0, to: bytes.count, by: size).flatMap { start -> [ScriptedHTTPServer.Step] in
                [.sendBytes(Array(bytes[start..<min(start + size, bytes.count)])), .pause(.milliseconds(50))]
            }
    }
}
