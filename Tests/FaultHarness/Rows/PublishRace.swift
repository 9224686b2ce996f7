import ImportModel
import RedisClient
import TestSupport

/// Lets many imports come to the last block of their sources, lets all of them go on at once, and has clients cancel
/// and delete at that moment.
struct PublishRace {
    private static let imagesPerRound = 12

    private let run: FaultRun
    private let fleet: Fleet
    private let apis: [FleetClient]
    private let history: History
    private var random: SeededRandom
    private var images: [ImageID: SourceImage] = [:]

    /// Blows fall from so long before to so long after the moment at which the sources go on.
    private static let before = 20
    private static let after = 60

    /// What one client does to one image, and when: from a little before the moment at which the sources go on.
    private struct Strike: Sendable {
        enum Kind: Sendable { case cancel, delete, importAgain, show, look }

        let kind: Kind
        let at: Duration
        /// After this long the client drops its connection.
        let patience: Duration?
        let api: Int
    }

    init(_ run: FaultRun, _ fleet: Fleet, _ apis: [FleetClient], _ history: History) {
        self.run = run
        self.fleet = fleet
        self.apis = apis
        self.history = history
        random = run.random("strikes")
    }

    mutating func round(_ round: Int) async throws {
        let source = try await ImageSource()
        do {
            try await race(round, source)
            try await source.stop()
        } catch {
            // The first error is the one that counts.
            try? await source.stop()
            throw error
        }
    }

    private mutating func race(_ round: Int, _ source: ImageSource) async throws {
        struct Runner {
            let image: ImageID
            let task: TaskID
            let source: SourceImage
        }
        let client = HistoryClient("owner", apis[round % apis.count], history)
        var runners: [Runner] = []
        for index in 0..<Self.imagesPerRound {
            let bytes = SourceImage(seed: round * Self.imagesPerRound + index, mib: 1)
            let image = ImageID.random()
            await client.create(image)
            let url = source.url(bytes, Self.lastBlock(of: bytes))
            guard case .accepted(let task) = await client.requestImport(image, url, size: bytes.size) else {
                throw ServiceFailure("an import was not accepted: \(history.operations(of: image))")
            }
            images[image] = bytes
            runners.append(Runner(image: image, task: task, source: bytes))
        }
        try await eventually(within: .seconds(60)) {
            runners.allSatisfy { source.requests($0.source, Self.lastBlock(of: $0.source)) > 0 }
        }
        let strikes = runners.map { _ in drawn() }
        let (apis, history) = (apis, history)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                try? await Task.sleep(for: .milliseconds(Self.before))
                source.openGate()
            }
            for (runner, strikes) in zip(runners, strikes) {
                for (number, strike) in strikes.enumerated() {
                    let url = source.url(runner.source)
                    group.addTask {
                        let client = HistoryClient(
                            "\(strike.kind)-\(number)", apis[strike.api], history, givesUpAfter: strike.patience)
                        // Its end by a cancellation would only be early.
                        try? await Task.sleep(for: strike.at)
                        switch strike.kind {
                        case .cancel: await client.cancel(runner.task, of: runner.image)
                        case .delete: await client.delete(runner.image)
                        case .importAgain: await client.requestImport(runner.image, url, size: runner.source.size)
                        case .show: await client.show(runner.image)
                        case .look: await client.look(runner.task, of: runner.image)
                        }
                    }
                }
            }
        }
        run.count(.race, strikes.reduce(0) { $0 + $1.count { $0.kind == .cancel || $0.kind == .delete } })
        try await settled(runners.map(\.image))
        // A round ends with its source, so what was begun late has been heard of by then.
        for runner in runners {
            for api in apis { await HistoryClient("last", api, history).show(runner.image) }
        }
    }

    private static func lastBlock(of image: SourceImage) -> ImageSource.Fault {
        .init(kind: .gate, number: image.size - Int64(SourceImage.blockBytes))
    }

    /// One or two blows, sometimes another import, and looks from the side.
    private mutating func drawn() -> [Strike] {
        var kinds: [Strike.Kind] = random.pick([
            [.cancel], [.delete], [.cancel, .delete], [.cancel, .cancel], [.delete, .delete],
            [.cancel, .importAgain], [.cancel, .importAgain, .delete],
        ])
        kinds += Array(repeating: .show, count: 4) + [.look, .look]
        return kinds.map { kind in
            let isBlow = kind == .cancel || kind == .delete
            return Strike(
                kind: kind,
                at: .microseconds(
                    Int.random(in: 0...(isBlow ? 1000 : 2000) * (Self.before + Self.after), using: &random)),
                patience: random.happens(25) ? .microseconds(Int.random(in: 500...15_000, using: &random)) : nil,
                api: Int.random(in: apis.indices, using: &random))
        }
    }

    /// Waits until no task of these images lives.
    private func settled(_ images: [ImageID]) async throws {
        var waiting = Set(images)
        do {
            try await eventually(within: .seconds(60)) {
                for image in waiting where try await apis[0].facts(of: image).allSatisfy(\.state.isTerminal) {
                    waiting.remove(image)
                }
                return waiting.isEmpty
            }
        } catch is EventuallyError {
            run.violated(.ends, "tasks of the images \(waiting.map(\.rawValue).sorted()) do not end")
        }
    }

    func judge(_ trace: EventTrace) async throws {
        try await trace.caughtUp(fleet)
        let isWhole = try await trace.missed(fleet) == 0
        if !isWhole { run.violated(.carriedThrough, "events were trimmed before they were read") }
        let judge = HistoryJudge(run, history, isWhole ? trace : nil)
        var (endings, active) = ([String: Int](), [ImageID: SourceImage]())
        for (image, source) in images {
            let facts = try await apis[0].facts(of: image)
            judge.judge(image, facts: facts)
            let status = try await fleet.ask(RedisCommand("HGET", "{longshore}:image:\(image)", "status")).string
            endings[status ?? "gone", default: 0] += 1
            if status == "active" { active[image] = source }
            for result in facts.compactMap(\.result) { endings["task \(result.rawValue)", default: 0] += 1 }
        }
        run.ended(images: images.count)
        let results = Set(endings.keys.filter { $0.hasPrefix("task ") })
        if !results.contains("task success") || results.count < 2 {
            run.violated(.carriedThrough, "a race that always has the same winner is none: \(endings)")
        }
        for (ending, count) in endings.sorted(by: { $0.key < $1.key }) { run.figure(ending, Double(count), "of all") }
        judge.conclude()
        let check = RestCheck(fleet: fleet)
        do {
            try await check.swept()
        } catch is EventuallyError {
            run.violated(.consistent, "garbage is not swept")
        }
        run.violated(try await check.problems(active))
    }
}
