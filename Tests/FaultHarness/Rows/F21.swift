import ImportModel
import RedisClient
import Synchronization
import TestSupport

extension FaultRow {
    /// 20 workers for each scale: each is hit once, half of them killed and half frozen.
    package static let f21 = FaultRow(
        "F21", "copies to more stores, while workers die and sleep, a service fails, and images are deleted",
        passes:
            "an image names a store only if its bytes are there, and keeps what it names; every copy ends; nothing is "
            + "left that nothing names; clients see one order",
        least: [.kill: 10, .freeze: 10, .store: 10, .race: 2]
    ) { run in
        let settings = ["lease.max-attempts=1000", "worker.stall-timeout=2s", "worker.concurrency=2"]
        try await BucketFleet.run(run, settings, folders: ["main", "second"], buckets: ["bucket", "mirror"]) { site in
            let apis = [try await site.fleet.startAPI(site.launch()), try await site.fleet.startAPI(site.launch())]
            let storm = CopyStorm(run: run, site: site, apis: apis.map(\.client))
            try await EventTrace.follow(site.fleet) { trace in
                try await storm.rage()
                try await storm.judge(trace)
            }
        }
    }
}

/// Users who have images imported and copied, beside workers of which each is dealt one fault.
final class CopyStorm: Sendable {
    static let stores: Set<String> = ["main", "second", "bucket", "mirror"]
    private static let users = 6
    private static let lease: Duration = .milliseconds(1500)
    /// When a worker is hit where it stands if it has not come by the step of its card.
    private static let patience: Duration = .seconds(3)
    /// All steps of a copy after its claim, and of an import, but those of its source.
    private static let steps: [Failpoint] = [
        .objectOpened, .blockWritten, .commitBegun, .objectWritten, .objectNamed, .commitDone, .locateSent,
        .locateAnswered, .publishSent, .publishAnswered,
    ]

    private struct State {
        var lives: [CopyLife.End] = []
        var next = 0
        var isOver = false
    }

    let run: FaultRun
    let site: BucketFleet
    let history = History()
    private let apis: [FleetClient]
    private let state = Mutex(State())

    init(run: FaultRun, site: BucketFleet, apis: [FleetClient]) {
        self.run = run
        self.site = site
        self.apis = apis
    }

    func api(_ number: Int) -> FleetClient { apis[number % apis.count] }

    func rage() async throws {
        site.proxy.disturb(15, atMost: 40 * run.scale)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for user in 0..<Self.users { group.addTask { [self] in try await work(user) } }
            var workers = DoomedCopiers(cards: cards(), random: run.random("blows"), storm: self)
            try await workers.work()
            site.proxy.disturb(0, atMost: 0)
            state.withLock { $0.isOver = true }
            // They see to it that there is an end.
            for _ in 0..<2 { _ = try await site.fleet.startWorker(site.launch(["--concurrency", "4"])) }
            try await group.waitForAll()
        }
    }

    private func cards() -> [DoomedCopiers.Card] {
        var random = run.random("cards")
        return (0..<run.scale).flatMap { _ in
            Self.steps.flatMap { step in
                ["kill", "stop"].map { action in
                    DoomedCopiers.Card(
                        step: step, number: Int.random(in: 1...3, using: &random), isKill: action == "kill",
                        patience: Self.patience, sleep: Self.lease * random.pick([0.5, 1, 2]))
                }
            }.shuffled(using: &random)
        }
    }

    private func work(_ user: Int) async throws {
        var random = run.random("user \(user)")
        while let number = next() {
            let source = SourceImage(seed: number, mib: random.pick([1, 1, 2, 6]))
            let course = CopyLife.Course.allCases[number % CopyLife.Course.allCases.count]
            let life = CopyLife(self, name: "user-\(user)", course, source: source, random: random)
            let end = try await life.lead()
            random = life.random
            state.withLock { $0.lives.append(end) }
        }
    }

    private func next() -> Int? {
        state.withLock { state in
            state.next += 1
            return state.isOver ? nil : state.next
        }
    }

    func judge(_ trace: EventTrace) async throws {
        try await trace.caughtUp(site.fleet)
        let isWhole = try await trace.missed(site.fleet) == 0
        if !isWhole { run.violated(.carriedThrough, "events were trimmed before they were read") }
        let judge = HistoryJudge(run, history, isWhole ? trace : nil)
        let lives = state.withLock(\.lives)
        for life in lives { judge.judge(life.image, facts: try await apis[0].facts(of: life.image)) }
        judge.conclude()
        run.ended(images: lives.count)
        run.count(.race, lives.count(where: \.wasStruck))
        run.count(site.proxy)
        let active = lives.filter { !$0.isDeleted }.map { ($0.image, $0.source) }
        try await site.judge(run, Dictionary(uniqueKeysWithValues: active))
        let copies = try await TaskHistory.all(in: site.fleet).filter { $0.record["prior_status"] == "active" }
        let lost = copies.reduce(0) { $0 + $1.attempts.count(where: \.wasRecovered) }
        if lost == 0 { run.violated(.carriedThrough, "no copy has lost its worker") }
        run.figure("copies", Double(copies.count), "tasks")
        run.figure("attempts of copies lost with their workers", Double(lost), "attempts")
    }
}
