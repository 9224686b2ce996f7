import Foundation
package import ImportModel
import RedisClient
import Synchronization

/// Users who import one image after the other, and what they were told.
package final class Load: Sendable {
    private struct Told {
        let image: SourceImage
        var acknowledged: ContinuousClock.Instant
        /// When a user saw that the image is active.
        var active: ContinuousClock.Instant?
        /// The object that it was when it was looked at.
        var object: String?
    }

    private struct State {
        var told: [ImageID: Told] = [:]
        var next = 0
        var isOver = false
        var forgotten = 0
    }

    package let user: PatientUser
    private let fleet: Fleet
    private let run: FaultRun
    /// Whether Redis may lose what it has acknowledged.
    private let mayForget: Bool
    private let state = Mutex(State())

    /// Lets users work while `body` runs, and until each has what it asked for.
    package static func run(
        users: Int, of client: FleetClient, on fleet: Fleet, _ run: FaultRun, mayForget: Bool = false,
        _ body: (Load) async throws -> Void
    ) async throws -> Load {
        let load = Load(PatientUser(client, run), fleet, run, mayForget)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<users { group.addTask { try await load.work() } }
            try await body(load)
            load.state.withLock { $0.isOver = true }
            try await group.waitForAll()
        }
        return load
    }

    private init(_ user: PatientUser, _ fleet: Fleet, _ run: FaultRun, _ mayForget: Bool) {
        self.user = user
        self.fleet = fleet
        self.run = run
        self.mayForget = mayForget
    }

    /// What was acknowledged, and not forgotten since by a Redis that may.
    package var images: [ImageID: SourceImage] { state.withLock { $0.told.mapValues(\.image) } }

    /// How many imports a Redis that may forget has forgotten.
    package var forgotten: Int { state.withLock { $0.forgotten } }

    // MARK: The users

    private func work() async throws {
        while let image = next() {
            let uri = fleet.source.url(image, .init(kind: .drip, number: 2 << 20))
            let id = try await user.create()
            guard try await ask(id, image, uri) else { continue }
            try await follow(id, image, uri)
        }
    }

    private func next() -> SourceImage? {
        state.withLock { state in
            state.next += 1
            return state.isOver ? nil : SourceImage(seed: state.next, mib: 1 + state.next % 3)
        }
    }

    /// Returns false when the image was forgotten.
    private func ask(_ id: ImageID, _ image: SourceImage, _ uri: String) async throws -> Bool {
        guard try await user.requestImport(id, uri, mayBeGone: mayForget) else { return false }
        state.withLock { $0.told[id] = Told(image: image, acknowledged: .now) }
        return true
    }

    private func follow(_ id: ImageID, _ image: SourceImage, _ uri: String) async throws {
        let limit = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < limit {
            switch try await user.image(id)?.status {
            case "active": return state.withLock { $0.told[id]?.active = .now }
            case nil where mayForget: return
            case "queued" where mayForget:
                guard try await ask(id, image, uri) else { return }
            case nil: return run.violated(.acknowledged, "the image \(id) is gone")
            case "queued": return run.violated(.acknowledged, "the import of \(id) has ended or was forgotten")
            default: break
            }
            // The pace of a user, not a wait for anything.
            try await Task.sleep(for: .milliseconds(50))
        }
        run.violated(.ends, "the import of \(id) has not ended in two minutes")
    }

    // MARK: The judge

    /// Compares what Redis has now with what users, and workers, were told.
    ///
    /// - Parameters:
    ///   - published: what workers were told; users may see a publish that is not yet safe, where replicas confirm.
    ///     `nil`: what users saw counts.
    ///   - lossAfter: what was acknowledged later than that may be forgotten.
    package func check(published: Set<ImageID>? = nil, lossAfter: ContinuousClock.Instant? = nil) async throws {
        let told = state.withLock { $0.told }
        let ids = Array(told.keys)
        let replies = try await fleet.ask(
            ids.map { RedisCommand("HMGET", "{longshore}:image:\($0)", "status", "loc:main") })
        for (id, reply) in zip(ids, replies) {
            guard let told = told[id] else { continue }
            let (status, object) = (reply.array?[0].string, reply.array?[1].string)
            let mayBeLost = lossAfter.map { told.acknowledged > $0 } ?? false
            let mayBeUndone = lossAfter.map { (told.active ?? .now) > $0 } ?? false
            let isPublished = published?.contains(id) ?? (told.active != nil)
            if status == nil || status == "queued" {
                if !mayBeLost { run.violated(.acknowledged, "the import of \(id) is lost: \(status ?? "no image")") }
                state.withLock { state in
                    state.told[id] = nil
                    state.forgotten += 1
                }
            } else if isPublished, status != "active" {
                if !mayBeUndone {
                    run.violated(.acknowledged, "the publish of \(id) is lost: it is \(status ?? "gone")")
                }
                // It is published again in the end, and that may happen after the next loss.
                state.withLock { state in
                    state.told[id]?.active = nil
                    state.told[id]?.object = nil
                }
            } else if isPublished, let before = told.object, object != before, !mayBeUndone {
                run.violated(.publishedOnce, "\(id) was \(before) and is \(object ?? "nothing")")
            }
            if isPublished, status == "active" { state.withLock { $0.told[id]?.object = object } }
        }
    }
}
