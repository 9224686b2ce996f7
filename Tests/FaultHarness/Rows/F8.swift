import FaultProxy
import Foundation
import ImportModel
import TestSupport

extension FaultRow {
    /// Between every process and Redis: delays, cuts, silence, a trickle, errors; and workers that are cut off for
    /// longer than their lease.
    package static let f8 = FaultRow(
        "F8", "what lies between a process and Redis delays, cuts, and answers errors, all the time",
        passes: "all imports end active; nothing is left behind; who is cut off writes nothing after its lease; users "
            + "see no error but 503",
        least: [.proxy: 30]
    ) { run in
        try await Fleet.run(run.plan(BadWire.settings)) { fleet in
            try await Proxies.run(for: fleet, seed: run.seed) { try await BadWire(run, fleet, $0).go() }
        }
    }
}

private struct BadWire {
    static let lease = Duration.seconds(2)
    // Many attempts are allowed: how often one image is hit is not what is looked at.
    static let settings = [
        "lease.duration=2s", "lease.beat=400ms", "lease.margin=700ms", "lease.garbage-grace=0s", "retry.base=100ms",
        "retry.cap=500ms", "sweep.interval=1s", "audit.interval=1s", "lease.max-attempts=1000",
    ]

    private static let adding: Set = ["image-create", "image-update", "import-create", "upload-open"]
    private static let writing: Set = adding.union([
        "import-beat", "import-cancel", "import-claim", "import-fail", "import-publish", "import-recover",
        "import-release", "import-suspect", "garbage-done", "garbage-name", "garbage-take", "process-register",
        "turn-begin",
    ])
    private static let rules: [FaultRule] =
        [
            FaultRule(.halfOpen, share: 0.002), FaultRule(.delayRequest(upTo: lease * 3), share: 0.004),
            FaultRule(.delayReply(upTo: lease * 3), share: 0.004),
            FaultRule(.trickleRequest(upTo: .seconds(3)), share: 0.002),
            FaultRule(.trickleReply(upTo: .seconds(3)), share: 0.002), FaultRule(.refuse(.noscript), share: 0.03),
            FaultRule(.refuse(.loading), share: 0.02), FaultRule(.refuse(.busy), share: 0.01),
            FaultRule(.refuse(.misconf), of: writing, share: 0.02),
            FaultRule(.refuse(.readonly), of: writing, share: 0.02),
            FaultRule(.refuse(.noreplicas), of: writing, share: 0.02),
            FaultRule(.refuse(.oom), of: adding, share: 0.05),
        ]
        + [WireFault.cutBeforeRequest, .cutInRequest, .cutAfterRequest, .cutBeforeReply, .cutInReply].map {
            FaultRule($0, share: 0.025)
        }

    private let run: FaultRun
    private let fleet: Fleet
    private let proxies: Proxies

    init(_ run: FaultRun, _ fleet: Fleet, _ proxies: Proxies) {
        self.run = run
        self.fleet = fleet
        self.proxies = proxies
    }

    func go() async throws {
        let user = PatientUser(try await fleet.startAPI(through: try await proxies.start()).client, run)
        var workers: [String: FaultProxy] = [:]
        for _ in 0..<3 {
            let proxy = try await proxies.start()
            // Many attempts at a time beat often.
            let worker = try await fleet.startWorker(through: proxy, ["--concurrency", "8"])
            workers[try await worker.fleetID()] = proxy
        }
        var images: [ImageID: SourceImage] = [:]
        var caught = 0
        for wave in 0..<run.scale {
            proxies.use(Self.rules)
            let asked = try await ask(user, (0..<30).map { SourceImage(seed: wave * 100 + $0, mib: 1 + $0 % 3) })
            caught += try await cutOff(someOf: workers)
            try await user.wait(for: asked.keys, within: .seconds(240))
            images.merge(asked) { $1 }
            run.tell("\(images.count) images, \(proxies.tally)")
        }
        proxies.use([])
        if caught == 0 { run.violated(.carriedThrough, "nobody was at work who was cut off") }
        run.count(.proxy, proxies.tally.total)
        run.ended(images: images.count)
        run.figure("attempts of workers that were cut off", Double(caught), "")
        run.figure("503 answers", Double(user.refusals), "")
        run.figure("longest wait of a user", user.longestWait / .seconds(1), "s")
        for (fault, count) in proxies.tally.faults.sorted(by: { $0.key < $1.key }) {
            run.figure(fault, Double(count), "")
        }
        let check = RestCheck(fleet: fleet)
        try await check.swept()
        run.violated(try await check.problems(images))
    }

    /// Begins imports from a slow source, several at a time.
    private func ask(_ user: PatientUser, _ images: [SourceImage]) async throws -> [ImageID: SourceImage] {
        try await withThrowingTaskGroup(of: [ImageID: SourceImage].self) { group in
            for first in 0..<4 {
                group.addTask {
                    var asked: [ImageID: SourceImage] = [:]
                    for image in stride(from: first, to: images.count, by: 4).map({ images[$0] }) {
                        let uri = fleet.source.url(image, .init(kind: .drip, number: 512 << 10))
                        asked[try await user.beginImport(uri)] = image
                    }
                    return asked
                }
            }
            return try await group.reduce(into: [:]) { $0.merge($1) { $1 } }
        }
    }

    /// Cuts a worker off from Redis for two and a half leases, in the middle of its work, and looks at what it writes.
    /// Returns how many attempts it ran.
    private func cutOff(someOf workers: [String: FaultProxy]) async throws -> Int {
        var found: (worker: String, proxy: FaultProxy)?
        try await eventually(within: .seconds(60)) {
            let writing = try await fleet.holdings().filter { try $0.lastWrite(in: fleet.store) != nil }
            let busy = Dictionary(grouping: writing, by: \.worker).filter { workers[$0.key] != nil }
            found = busy.max { $0.value.count < $1.value.count }.flatMap { name, _ in
                workers[name].map { (name, $0) }
            }
            return found != nil
        }
        guard let (worker, proxy) = found else { return 0 }
        try await proxy.isolate()
        let cut = Date()
        run.count(.proxy)
        let held = try await fleet.holdings().filter { $0.worker == worker }
        // The length of the fault, not a wait for anything.
        try await Task.sleep(for: Self.lease * 2.5)
        for holding in held {
            // Its last acknowledged beat was sent before the cut. It has to stop a margin before the end of that
            // lease, and to be through with what it had begun by the end.
            guard let late = try holding.lastWrite(in: fleet.store)?.timeIntervalSince(cut),
                late > Self.lease / .seconds(1)
            else { continue }
            run.violated(
                .economy,
                "\(worker) wrote to \(holding.image)/\(holding.nonce) \(late) s after it was cut off from Redis, "
                    + "with a lease of \(Self.lease)")
        }
        try await proxy.heal()
        return held.count
    }
}
