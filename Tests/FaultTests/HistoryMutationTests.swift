import FaultHarness
import ImportModel
import Testing
import TestSupport

/// The judge and a real fleet: what that one does is right, and would not be if any one thing were otherwise.
@Suite struct HistoryMutationTests {
    @Test("the history of a real fleet is right, and wrong as soon as one thing in it is changed")
    func mutated() async throws {
        let lives = try await lived()
        for life in lives {
            #expect(life.problems == [], "\(life.operations.map(\.description).joined(separator: "\n"))")
            #expect(life.facts.count == life.operations.count { $0.task != nil })
        }
        var count = 0
        for life in lives {
            for mutation in Mutation.all(of: life) {
                #expect(mutation.life.problems != [], "\(mutation.description)")
                count += 1
            }
        }
        print("\(count) changes to \(lives.count) histories were seen")
        #expect(count > 60)
    }

    /// Images that are imported, cancelled and imported again, or deleted half way; the first is copied, too.
    private func lived() async throws -> [Life] {
        var plan = Fleet.Plan()
        plan.stores = Fleet.Plan.twoFolders
        return try await Fleet.run(plan) { fleet in
            let (first, second) = (try await fleet.startAPI(), try await fleet.startAPI())
            _ = try await fleet.startWorkers(2)
            let history = History()
            let one = HistoryClient("one", first.client, history)
            let two = HistoryClient("two", second.client, history)
            return try await EventTrace.follow(fleet) { trace in
                let source = SourceImage(seed: 1, mib: 1)
                let url = fleet.source.url(source)
                let gated = fleet.source.url(source, .init(kind: .gate))
                var images: [ImageID] = []
                for kind in 0..<3 {
                    let image = ImageID.random()
                    images.append(image)
                    await one.create(image)
                    await two.show(image)
                    guard
                        case .accepted(let task) = await one.requestImport(
                            image, kind == 0 ? url : gated, size: source.size)
                    else { throw ServiceFailure("the import was not accepted") }
                    if kind > 0 {
                        await two.show(image)
                        await one.look(task, of: image)
                        _ = kind == 1 ? await two.cancel(task, of: image) : await two.delete(image)
                        await one.show(image)
                        await two.look(task, of: image)
                    }
                    guard kind < 2 else { continue }
                    if kind == 1 { await two.requestImport(image, url, size: source.size) }
                    try await eventually(within: .seconds(30)) {
                        if case .shown(let shown) = await one.show(image) { shown.status == .active } else { false }
                    }
                    await two.show(image)
                    await two.requestImport(image, url, size: source.size)
                    await one.cancel(task, of: image)
                    if kind == 0 {
                        try await copied(image, one, two)
                    } else {
                        await one.delete(image)
                        await two.show(image)
                        await two.delete(image)
                    }
                }
                try await trace.caughtUp(fleet)
                #expect(try await trace.missed(fleet) == 0)
                #expect(history.unfitAnswers.map(\.description) == [])
                var lives: [Life] = []
                for image in images {
                    lives.append(
                        Life(
                            operations: history.take(image), facts: try await first.client.facts(of: image),
                            events: trace.take(image)))
                }
                return lives
            }
        }
    }
}

extension HistoryMutationTests {
    /// Copies an image to the second store, and asks for what is refused and for what there is no need of.
    private func copied(_ image: ImageID, _ one: HistoryClient, _ two: HistoryClient) async throws {
        let everywhere = HistoryOperation.CopyOrder(["main", "second"], sparesFilled: true)
        await two.copy(image, .init(["main"]))
        guard case .accepted(let copy) = await one.copy(image, everywhere) else {
            throw ServiceFailure("the copy was not accepted")
        }
        try await eventually(within: .seconds(30)) {
            try await one.client.facts(of: image).allSatisfy(\.state.isTerminal)
        }
        // From the first answer on that could not be given before its end, everything has one right answer.
        await two.cancel(copy, of: image)
        await one.look(copy, of: image)
        await one.show(image)
        await two.copy(image, everywhere)
    }
}

/// All that is known of an image.
struct Life: Sendable {
    var operations: [HistoryOperation]
    var facts: [TaskFact]
    var events: [FleetEvent]

    var problems: [String] {
        var problems = HistoryEvents().problems(events, facts: facts).map(\.description)
        switch HistoryCheck().verdict(operations, facts: facts) {
        case .right: break
        case .wrong(let promise, let what): problems.append("\(promise): \(what)")
        case .undecided: problems.append("not decided")
        }
        return problems
    }
}

extension HistoryOperation {
    /// The task that an import was answered with.
    var task: TaskID? {
        if case .accepted(let task) = outcome { task } else { nil }
    }
}
