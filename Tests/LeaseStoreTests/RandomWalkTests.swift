import Foundation
import RedisClient
import TestSupport
import Testing

@testable import LeaseStore

@Suite struct RandomWalkTests {
    /// `LEASE_SEED` repeats a walk, `LEASE_STEPS` makes it longer. Ids and times are new in each run, so that a
    /// repeated walk takes the same choices but need not get every answer again.
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["LEASE_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...(.max))
    private static let steps = environment["LEASE_STEPS"].flatMap { Int($0) } ?? 3000

    @Test("whatever workers, zombies and users do, in any order, the invariants hold")
    func walk() async throws {
        try await withFleet { fleet in
            print("random walk with LEASE_SEED=\(Self.seed), \(Self.steps) steps")
            let walk = RandomWalk(fleet, seed: Self.seed)
            try await walk.run(steps: Self.steps)
            let told = walk.answers.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            print("random walk: \(told)")
            // A walk that never got anywhere would prove nothing.
            guard Self.steps >= 2000 else { return }
            for answer in [
                "create created", "create stolen", "create locked", "claim task", "old claim over", "beat ok",
                "beat lost",
                "publish published", "publish lost", "fail requeued", "fail ended", "release requeued",
                "recover requeued", "recover alive", "suspect true", "open created", "sweep", "cancel",
                "copy created",
            ] {
                #expect(walk.answers[answer] != nil, "the walk never came to: \(answer)")
            }
        }
    }

    @Test("a script asks first whether the whole slot is here, and every key is of that slot")
    func asksFirst() async throws {
        try await withFleet { fleet in
            let log = try await monitored(fleet) {
                try await RandomWalk(fleet, seed: Self.seed &+ 1).run(steps: 600)
            }
            let trace = ScriptTrace(log)
            #expect(trace.scripts > 600)
            #expect(trace.commands > 1000)
            #expect(trace.problems == [])
        }
    }
}
