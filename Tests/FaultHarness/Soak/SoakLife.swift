import ImportModel
import TestSupport

/// The life of one image up to the moment when it is active or deleted, whatever happens to the fleet meanwhile.
final class SoakLife {
    struct TakesTooLong: Error, CustomStringConvertible {
        let what: String
        var description: String { "\(what) takes longer than \(SoakLife.patience)" }
    }

    private enum Course { case plain, cancel, delete, twice, giveUp }

    private static let patience: Duration = .seconds(90)

    let image = ImageID.random()
    private(set) var isDeleted = false
    private let soak: SoakFleet
    private let name: String
    private let source: SourceImage
    private var random: SeededRandom

    init(_ soak: SoakFleet, client: Int, random: SeededRandom, source: SourceImage) {
        self.soak = soak
        name = "client-\(client)"
        self.random = random
        self.source = source
    }

    /// Tries again and again, until `step` says that it is done.
    static func insist(_ what: String, _ step: (_ attempt: Int) async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + patience
        var attempt = 0
        while try await !step(attempt) {
            guard .now < deadline else { throw TakesTooLong(what: what) }
            attempt += 1
            try await Task.sleep(for: .milliseconds(min(500, 20 * attempt)))
        }
    }

    private func client() -> HistoryClient {
        HistoryClient(name, soak.api(Int.random(in: 0...1, using: &random)).client, soak.history)
    }

    func lead() async throws {
        try await Self.insist("create") { _ in
            switch await client().create(image) {
            case .done, .refused: true
            default: false
            }
        }
        let course = random.pick(
            Array(repeating: Course.plain, count: 6) + [.cancel, .delete, .twice, .giveUp])
        let task = await begin(course)
        switch course {
        case .cancel:
            try await pause(400)
            if let task { await client().cancel(task, of: image) }
        case .delete:
            try await pause(600)
            try await Self.insist("delete") { _ in
                switch await client().delete(image) {
                case .done, .refused: true
                default: false
                }
            }
            isDeleted = true
            return
        case .plain, .twice, .giveUp: break
        }
        try await untilActive()
    }

    /// Asks for the import. Returns its task, if that was heard of.
    private func begin(_ course: Course) async -> TaskID? {
        let url = soak.fleet.source.url(source, fault())
        switch course {
        case .giveUp:
            let patience = Duration.microseconds(Int.random(in: 500...20_000, using: &random))
            return task(of: await client().givingUp(after: patience).requestImport(image, url, size: source.size))
        case .twice:
            let (one, two) = (client(), client())
            let (image, size) = (image, source.size)
            async let first = one.requestImport(image, url, size: size)
            async let second = two.requestImport(image, url, size: size)
            let outcomes = await [first, second]
            return outcomes.lazy.compactMap { self.task(of: $0) }.first
        default: return task(of: await client().requestImport(image, url, size: source.size))
        }
    }

    private func task(of outcome: HistoryOperation.Outcome) -> TaskID? {
        if case .accepted(let task) = outcome { task } else { nil }
    }

    /// Looks now and then, and asks again for an import that has ended without success, or never began.
    private func untilActive() async throws {
        try await Self.insist("import") { attempt in
            guard case .shown(let shown) = await client().show(image) else { return false }
            switch shown.status {
            case .active: return true
            case .queued:
                _ = await begin(.plain)
                return false
            default:
                if attempt.isMultiple(of: 8), let task = try? await client().client.tasks(of: image).first?.id {
                    await client().look(task, of: image)
                }
                return false
            }
        }
    }

    private func pause(_ milliseconds: Int) async throws {
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...milliseconds, using: &random)))
    }

    /// What is wrong with the source; nothing for most, and never for long.
    private func fault() -> ImageSource.Fault? {
        let half = source.size / 2
        return switch Int.random(in: 0..<100, using: &random) {
        case 0..<8: .init(kind: .reset, number: half, times: 1)
        case 8..<16: .init(kind: .cut, number: half, times: 1)
        case 16..<22: .init(kind: .status, number: 503, times: 2)
        case 22..<26: .init(kind: .redirect)
        case 26..<50: .init(kind: .drip, number: 4 << 20)
        default: nil
        }
    }
}
