import Foundation
import ImportModel
import Operations
import Testing

@Suite struct FailpointTests {
    @Test func `Nothing happens unless the environment says so`() throws {
        #expect(try FailpointPlan(environment: [:]) == nil)
        #expect(try FailpointPlan(environment: ["LONGSHORE_FAILPOINTS": ""]) == nil)
        #expect(Failpoint.armed == nil)
        // This process goes on behind every one of them.
        for point in Failpoint.allCases { Failpoint.reach(point) }
    }

    @Test func `A rule without a number acts each time, and at its own point only`() throws {
        var plan = try plan("claim.answered=kill,block.written=stop")
        #expect(arrive(3, at: .claimAnswered, &plan) == [.kill, .kill, .kill])
        #expect(arrive(2, at: .blockWritten, &plan) == [.stop, .stop])
        #expect(arrive(2, at: .claimSent, &plan) == [nil, nil])
    }

    @Test func `A count acts once, whatever happens at other points meanwhile`() throws {
        var plan = try plan("block.written=stop@3,block.written=kill@4,claim.sent=kill@1")
        #expect(arrive(2, at: .blockWritten, &plan) == [nil, nil])
        #expect(arrive(2, at: .claimSent, &plan) == [.kill, nil])
        #expect(arrive(3, at: .blockWritten, &plan) == [.stop, .kill, nil])
    }

    @Test func `Chances follow from the seed alone, and are what they say`() throws {
        func draw(_ text: String, _ seed: String, disturbed: Bool = false) throws -> [Bool] {
            var plan = try plan(text, seed: seed)
            return (0..<2000).map { _ in
                if disturbed { _ = plan.arrive(at: .beatSent) }
                return plan.arrive(at: .publishSent) != nil
            }
        }
        let first = try draw("publish.sent=kill%20", "7")
        #expect(try draw("publish.sent=kill%20", "7") == first)
        #expect(try draw("publish.sent=kill%20,beat.sent=stop%50", "7", disturbed: true) == first)
        #expect((300...500).contains(first.count(where: \.self)))
        // Other seeds and other places are other sequences, not the same one shifted.
        for (text, seed) in [("publish.sent=kill%20", "8"), ("beat.sent=kill,publish.sent=kill%20", "7")] {
            let second = try draw(text, seed)
            for shift in 0...2 {
                let both = zip(first.dropFirst(shift), second).count { $0 && $1 }
                #expect((20...160).contains(both), "\(both) of 400 in common, shifted by \(shift)")
            }
        }
        #expect(try !draw("publish.sent=kill%100", "1").contains(false))
    }

    @Test(arguments: [
        "claim=kill", "claim.answered", "claim.answered=die", "claim.answered=kill@0", "claim.answered=kill@x",
        "claim.answered=stop%101", "claim.answered=stop%", "claim.answered=kill,", "claim.answered=kill@1%2", "=kill",
    ])
    func `What cannot be read is refused with the list of points`(text: String) throws {
        #expect(throws: InvalidValue.self) { try plan(text) }
        let error = try #require(throws: SettingsError.self) {
            try Settings.load(environment: ["LONGSHORE_FAILPOINTS": text], standardFile: "/nonexistent")
        }
        let problem = try #require(error.problems.first)
        #expect(error.problems.count == 1 && problem.key == "LONGSHORE_FAILPOINTS" && problem.value == text)
        for point in Failpoint.allCases { #expect(problem.remedy.contains(point.rawValue)) }
    }

    @Test func `A seed is a whole number, and both variables are known to the settings`() throws {
        #expect(throws: InvalidValue.self) { try plan("claim.sent=kill", seed: "soon") }
        _ = try Settings.load(
            environment: ["LONGSHORE_FAILPOINTS": "claim.sent=kill@2", "LONGSHORE_FAILPOINT_SEED": "5"],
            standardFile: "/nonexistent")
    }

    private func plan(_ text: String, seed: String = "") throws -> FailpointPlan {
        try #require(
            try FailpointPlan(environment: ["LONGSHORE_FAILPOINTS": text, "LONGSHORE_FAILPOINT_SEED": seed]))
    }

    private func arrive(_ times: Int, at point: Failpoint, _ plan: inout FailpointPlan) -> [FailpointPlan.Action?] {
        (0..<times).map { _ in plan.arrive(at: point) }
    }
}
