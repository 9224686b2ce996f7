import Foundation
import ImportModel
import RedisClient
import Synchronization
import TestSupport

/// Clients that lead images through their lives: made, imported, cancelled, looked at for a while, deleted, judged.
///
/// An image is judged only after its delete was acknowledged. Whatever was still on its way then changes nothing more.
final class SoakLives: Sendable {
    /// An image that is active and stays so for a while.
    private struct Kept {
        let image: ImageID
        let source: SourceImage
        let since: ContinuousClock.Instant
    }

    private struct State {
        var number = 0
        var kept: [Kept] = []
        var ended: [(image: ImageID, facts: [TaskFact])] = []
        var removed = 0
        var endings: [String: Int] = [:]
    }

    private let soak: SoakFleet
    private let judge: HistoryJudge
    private let state = Mutex(State())

    init(_ soak: SoakFleet, _ judge: HistoryJudge) {
        self.soak = soak
        self.judge = judge
    }

    /// Images that were deleted.
    var removed: Int { state.withLock { $0.removed } }

    private func count(_ ending: String) { state.withLock { $0.endings[ending, default: 0] += 1 } }

    /// Leads one image after the other until `end`.
    func lead(_ client: Int, until end: ContinuousClock.Instant) async throws {
        var random = soak.run.random("client \(client)")
        while .now < end {
            let number = state.withLock { state in
                state.number += 1
                return state.number
            }
            let source = SourceImage(seed: number, mib: random.pick([1, 1, 1, 1, 2, 2, 4, 8]))
            let life = SoakLife(soak, client: client, random: random, source: source)
            random = SeededRandom(seed: random.next())
            do {
                try await life.lead()
            } catch let error as SoakLife.TakesTooLong {
                soak.run.violated(.ends, "image \(life.image): \(error)")
                continue
            }
            if life.isDeleted {
                try await retire(life.image, client)
            } else {
                try await verify(life.image, source)
                state.withLock { $0.kept.append(Kept(image: life.image, source: source, since: .now)) }
            }
            count(life.isDeleted ? "deleted during an import" : "imported")
            try await lookAround(client, &random)
        }
    }

    /// Looks at images that are active, and deletes those that have been for a while.
    private func lookAround(_ client: Int, _ random: inout SeededRandom) async throws {
        let (shown, old) = state.withLock { state in
            let shown = state.kept.isEmpty ? [] : [random.pick(state.kept)]
            guard let first = state.kept.first, state.kept.count > 30 || .now - first.since > .seconds(20) else {
                return (shown, Kept?.none)
            }
            return (shown, state.kept.removeFirst())
        }
        for kept in shown { await self.client(client, &random).show(kept.image) }
        if let old { try await remove(old, client) }
    }

    private func client(_ client: Int, _ random: inout SeededRandom) -> HistoryClient {
        HistoryClient("client-\(client)", soak.api(Int.random(in: 0...1, using: &random)).client, soak.history)
    }

    private func remove(_ kept: Kept, _ client: Int) async throws {
        try await verify(kept.image, kept.source)
        try await SoakLife.insist("delete") { attempt in
            let api = soak.api(attempt % 2).client
            switch await HistoryClient("client-\(client)", api, soak.history).delete(kept.image) {
            case .done, .refused: return true
            default: return false
            }
        }
        try await retire(kept.image, client)
    }

    /// After the last operation on an image.
    private func retire(_ image: ImageID, _ client: Int) async throws {
        await HistoryClient("client-\(client)", soak.api(0).client, soak.history).show(image)
        var facts: [TaskFact] = []
        try await SoakLife.insist("facts") { attempt in
            // An API that is killed or frozen just now is asked again.
            guard let all = try? await soak.api(attempt % 2).client.facts(of: image) else { return false }
            facts = all
            return true
        }
        state.withLock { [facts] state in
            state.ended.append((image, facts))
            state.removed += 1
        }
    }

    /// Compares the object with its source, byte by byte, and the digests with the object.
    private func verify(_ image: ImageID, _ source: SourceImage) async throws {
        try await SoakLife.insist("look at the bytes") { _ in
            // A Redis that is away, or not ready yet, is asked again.
            guard let problems = try? await RestCheck(fleet: soak.fleet).content([image: source]) else { return false }
            soak.run.violated(problems)
            return true
        }
    }

    /// Judges images whose lives are over, until it is cancelled.
    func judgeOnTheWay(_ trace: EventTrace) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))
            // While Redis is away nothing can be judged; it is tried again.
            try? await judgeEnded(trace)
        }
    }

    private func judgeEnded(_ trace: EventTrace) async throws {
        let count = state.withLock { $0.ended.count }
        guard count > 0 else { return }
        try await trace.caughtUp(soak.fleet)
        let ended = state.withLock { state in
            defer { state.ended.removeFirst(count) }
            return state.ended.prefix(count)
        }
        for (image, facts) in ended { judge.judge(image, facts: facts) }
        soak.run.ended(images: ended.count)
    }

    /// Deletes what is left, and judges all.
    func conclude(_ trace: EventTrace) async throws {
        while let kept = state.withLock({ $0.kept.popLast() }) { try await remove(kept, 0) }
        try await judgeEnded(trace)
        for (ending, count) in state.withLock({ $0.endings }).sorted(by: { $0.key < $1.key }) {
            soak.run.figure(ending, Double(count), "images")
        }
    }
}
