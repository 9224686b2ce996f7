import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

/// A fleet of pretend workers that does whatever comes to mind: claims, beats, dies, comes back as a zombie, repeats
/// old calls, steals, cancels, deletes, recovers, sweeps. After each step everything is looked at from the outside.
final class RandomWalk {
    struct Attempt {
        var id: AttemptID
        var image: ImageID
        var process: ProcessID
        var stores: [StoreID]
        var beatSeq: Int64
        var content: ImportedContent
        /// What the claim's checkpoint named.
        var handed: [StoreID: String] = [:]
    }

    struct Published: Equatable {
        var locations: [StoreID: String]
        var sizeBytes: Int64?
        var digests: ContentDigests?
    }

    let fleet: Fleet
    var random: SplitMix
    var images: [ImageID] = []
    var creates: [(task: NewTask, wanted: ImageStatus)] = []
    var opens: [(task: NewTask, kind: TaskKind, attempt: AttemptID)] = []
    /// All attempts that ever were, the dead ones too.
    var attempts: [Attempt] = []
    var claims: [(nonce: Nonce, process: ProcessID, stores: [StoreID])] = []
    var published: [ImageID: Published] = [:]
    /// The tasks that copy an image.
    var copies: Set<TaskID> = []
    var deleted: Set<String> = []
    var progress: [String: Invariants.Progress] = [:]
    private(set) var log: [String] = []
    /// How often each answer came; shows that the walk went everywhere.
    private(set) var answers: [String: Int] = [:]

    static let stores = [Fleet.main, Fleet.far]
    static let processes = (0..<4).compactMap { ProcessID(rawValue: "worker-\($0)") }
    static let owners = ["a", "b", "c"]

    init(_ fleet: Fleet, seed: UInt64) {
        self.fleet = fleet
        random = SplitMix(state: seed)
    }

    func run(steps: Int) async throws {
        for _ in 0..<10 { images.append(try await newImage()) }
        for step in 0..<steps {
            let what = try await act()
            log.append("\(step) \(what)")
            answers[what, default: 0] += 1
            let problems = try await lookAround()
            guard problems.isEmpty else {
                Issue.record("\(problems) after:\n\(log.suffix(12).joined(separator: "\n"))")
                return
            }
        }
    }

    // MARK: What is looked at after each step

    private func lookAround() async throws -> [String] {
        let report = try await Invariants(fleet.store).check()
        var problems = report.violations + Invariants.regressions(from: progress, to: report.tasks)
        progress = report.tasks
        let records = try await fleet.store.images(images)
        for record in records {
            let now = Published(
                locations: record.locations, sizeBytes: record.sizeBytes, digests: record.digests)
            if let before = published[record.id] {
                if record.status != .active { problems.append("active image \(record.id) became \(record.status)") }
                if now != before { problems.append("O5 \(record.id) changed: \(before) → \(now)") }
            } else if record.status == .active {
                published[record.id] = now
            }
            let named =
                record.locations.map { "\($0.key) \($0.value)" }
                + (record.stage.map { ["\($0.store) \($0.key)"] } ?? [])
            for object in named where deleted.contains(object) { problems.append("O6 swept: \(object)") }
        }
        for (name, count) in try await fleet.store.counters() where name.hasPrefix("faults:") {
            problems.append("\(count) \(name) were counted")
        }
        return problems
    }

    // MARK: Choosing

    func remember(
        _ id: AttemptID, _ image: ImageID, _ process: ProcessID, _ stores: [StoreID], beatSeq: Int64,
        stage: StagedObject?, handed: [StoreID: String] = [:]
    ) {
        var content = Fleet.content(id, image, stores: stores)
        if let stage, chance(50) { content.locations[stage.store] = stage.key }
        attempts.append(
            Attempt(
                id: id, image: image, process: process, stores: stores, beatSeq: beatSeq, content: content,
                handed: handed))
    }

    /// Mostly one of the newest, which may be alive; sometimes any that ever was.
    func pickAttempt() -> Int? {
        guard !attempts.isEmpty else { return nil }
        let start = chance(75) ? max(0, attempts.count - 5) : 0
        return Int.random(in: start..<attempts.count, using: &random)
    }

    func running() async throws -> [AttemptID] {
        let ids = progress.filter { $0.value.state == .processing }.keys.compactMap(TaskID.init(rawValue:))
        return try await fleet.store.tasks(ids).compactMap { task in
            task.nonce.map { AttemptID(task: task.id, nonce: $0) }
        }
    }

    func pickRunning() -> (TaskID, Int64)? {
        let ids = progress.filter { $0.value.state == .processing }.keys.sorted()
        guard let id = pick(ids), let task = TaskID(rawValue: id), let seq = progress[id]?.beatSeq else { return nil }
        return (task, seq)
    }

    func pick<Element>(_ list: [Element]) -> Element? { list.randomElement(using: &random) }
    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    func describe(_ what: String, _ reply: CreateReply) -> String {
        switch reply {
        case .created(_, let stolen): stolen == nil ? "\(what) created" : "\(what) stolen"
        case .locked: "\(what) locked"
        case .wrongStatus(let status): "\(what) \(status)"
        case .noImage: "\(what) no image"
        case .noFormat: "\(what) no format"
        case .stored: "\(what) stored"
        }
    }

    func word(_ reply: some Any) -> String {
        String("\(reply)".prefix { $0 != "(" })
    }
}

/// A small generator whose walk can be repeated from its seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
