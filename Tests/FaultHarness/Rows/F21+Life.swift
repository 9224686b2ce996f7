import ImportModel

/// The life of one image: imported into a store or two, then copied until all stores have it, or deleted on the way.
final class CopyLife {
    /// What became of it.
    struct End: Sendable {
        let image: ImageID
        let source: SourceImage
        let isDeleted: Bool
        /// Whether somebody cancelled a copy, or deleted the image under it.
        let wasStruck: Bool
    }

    /// What happens to its first copy.
    enum Course: CaseIterable { case cancel, plain, delete, twice }

    private let image = ImageID.random()
    private let storm: CopyStorm
    private let name: String
    private let course: Course
    private let source: SourceImage
    private(set) var random: SeededRandom

    init(_ storm: CopyStorm, name: String, _ course: Course, source: SourceImage, random: SeededRandom) {
        self.storm = storm
        self.name = name
        self.course = course
        self.source = source
        self.random = random
    }

    private func client() -> HistoryClient {
        HistoryClient(name, storm.api(Int.random(in: 0...1, using: &random)), storm.history)
    }

    func lead() async throws -> End {
        await client().create(image)
        let first: Set<String> = random.pick([["main"], ["main"], ["main", "bucket"], ["main", "second"]])
        try await SoakLife.insist("the import of \(image)") { _ in
            guard case .shown(let shown) = await client().show(image) else { return false }
            if shown.status == .queued {
                let url = storm.site.fleet.source.url(source)
                await client().requestImport(image, url, size: source.size, stores: first)
            }
            return shown.status == .active
        }
        let task = await copy(first, twice: course == .twice)
        var wasStruck = false
        if let task, course == .cancel || course == .delete {
            // Time for some of the copy, and not a wait for anything.
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...600, using: &random)))
            wasStruck = true
            if course == .cancel {
                await client().cancel(task, of: image)
            } else {
                await client().delete(image)
                await client().look(task, of: image)
                await client().show(image)
                return End(image: image, source: source, isDeleted: true, wasStruck: true)
            }
        }
        try await untilEverywhere()
        return End(image: image, source: source, isDeleted: false, wasStruck: wasStruck)
    }

    /// Asks for a copy to where the image is not, as far as this client knows. Returns its task, if there is one.
    private func copy(_ filled: Set<String>, twice: Bool = false) async -> TaskID? {
        let missing = CopyStorm.stores.subtracting(filled).sorted()
        let mustAll = random.happens(60)
        let named = HistoryOperation.CopyOrder([random.pick(missing)], mustAll: mustAll)
        let all = HistoryOperation.CopyOrder(CopyStorm.stores, sparesFilled: true, mustAll: mustAll)
        let order = random.happens(40) ? named : all
        let (one, other, image) = (client(), client(), image)
        async let second = twice ? other.copy(image, all) : nil
        let outcomes = [await one.copy(image, order), await second]
        for case .accepted(let task) in outcomes { return task }
        return nil
    }

    /// Looks now and then, and asks again once a copy has ended without filling all stores.
    private func untilEverywhere() async throws {
        try await SoakLife.insist("the copy of \(image)") { attempt in
            guard case .shown(let shown) = await client().show(image) else { return false }
            if shown.stores == CopyStorm.stores { return true }
            if attempt.isMultiple(of: 8) { _ = await copy(shown.stores) }
            return false
        }
        // Whatever runs still is on its way to its end, with nothing left to fill.
        try await SoakLife.insist("the last task of \(image)") { _ in
            let facts = try? await client().client.facts(of: image)
            return facts?.allSatisfy(\.state.isTerminal) ?? false
        }
        await client().copy(image, .init(CopyStorm.stores, sparesFilled: true))
    }
}
