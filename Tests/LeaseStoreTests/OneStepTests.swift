import Foundation
import ImportModel
import RedisClient
import TestSupport
import Testing

@testable import LeaseStore

/// A call that took two commands would have a place between them in which its process can die, stall or be overtaken.
@Suite struct OneStepTests {
    @Test("every call that changes something is one command to Redis, and that is its script")
    func oneCommand() async throws {
        try await withFleet { fleet in
            let store = fleet.store
            var steps: [String] = []
            let log = try await monitored(fleet) {
                func step<Answer>(_ name: String, _ call: () async throws -> Answer) async throws -> Answer {
                    steps.append(name)
                    try await fleet.client.send("ECHO", "step \(name)")
                    let answer = try await call()
                    try await fleet.client.send("ECHO", "step between")
                    return answer
                }
                func claim() async throws -> Claim { try await step("import-claim") { try await fleet.claim() } }
                func leave(_ claim: Claim) async throws {
                    let kept = try await step("import-checkpoint") {
                        try await store.keep(Fleet.checkpoint(claim), of: claim.attempt)
                    }
                    let forgotten = try await step("checkpoint-forget") {
                        try await store.forgetCheckpoint(of: claim.attempt, because: "x")
                    }
                    #expect(kept == nil && forgotten == nil)
                }

                let image = try await step("image-create") { try await fleet.image() }
                let task = Fleet.download(image)
                let created = try await step("import-create") { try await store.createImport(task, wanted: .queued) }
                #expect(created == .created(priorStatus: .queued, stolen: nil))
                var attempt = try await claim()
                let beat = Beat(phase: .streaming, message: "", bytesDone: 1, bytesTotal: nil)
                #expect(try await step("import-beat") { try await store.beat(attempt.attempt, number: 2, beat) } == nil)
                try await leave(attempt)
                #expect(try await step("import-suspect") { try await store.suspect(task.id, beatSeq: 2) })
                try await fleet.age(task.id, by: .seconds(60))
                #expect(try await step("import-recover") { try await store.recover(task.id, beatSeq: 2) } == .requeued)
                attempt = try await claim()
                let failed = try await step("import-fail") {
                    try await store.fail(attempt.attempt, .retry(after: .zero), reason: "x")
                }
                #expect(failed == .requeued)
                attempt = try await claim()
                #expect(try await step("import-release") { try await store.release(attempt.attempt) } == .requeued)
                attempt = try await claim()
                #expect(try await step("import-publish") { try await fleet.publish(attempt) } == .published)
                let other = try await fleet.queue()
                #expect(
                    try await step("import-cancel") { try await store.cancel(other.id, message: "x") } == .cancelled)
                _ = try await step("image-delete") { try await store.deleteImage(image) }
                let upload = Fleet.download(other.image)
                let opened = try await step("upload-open") {
                    try await store.openUpload(upload, kind: .upload, nonce: .mint(), process: Fleet.alpha)
                }
                #expect(opened == .created(priorStatus: .queued, stolen: nil))
            }
            let seen = Self.steps(log)
            #expect(seen.map(\.name) == steps)
            for step in seen { #expect(step.commands == ["EVALSHA"], "\(step.name)") }
        }
    }

    /// The commands that clients sent in each step. What scripts do inside is their own affair.
    private static func steps(_ log: String) -> [(name: String, commands: [String])] {
        var steps: [(name: String, commands: [String])] = []
        for line in log.split(separator: "\n") where !line.contains(" lua] ") {
            let words = line.matches(of: /"((?:[^"\\]|\\.)*)"/).map { String($0.1) }
            guard words.count > 1 else { continue }
            if words[0] == "ECHO" {
                if words[1].hasPrefix("step ") { steps.append((String(words[1].dropFirst(5)), [])) }
            } else if words[0] != "SCRIPT", let last = steps.indices.last {
                steps[last].commands.append(words[0])
            }
        }
        return steps.filter { $0.name != "between" }
    }
}
