import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

@Suite struct AttemptTests {
    private static let beat = Beat(phase: .streaming, message: "Copied 1 MiB", bytesDone: 1 << 20, bytesTotal: 5 << 20)

    @Test("a beat extends the lease and reports progress; one that was sent before changes nothing")
    func beat() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            let number = claim.task.beatSeq + 1
            try await fleet.age(task.id, by: .seconds(10))
            let before = try await fleet.task(task.id)
            #expect(try await fleet.store.suspect(task.id, beatSeq: claim.task.beatSeq))
            #expect(try await fleet.store.beat(claim.attempt, number: number, Self.beat) == nil)
            let after = try await fleet.task(task.id)
            #expect(after.beatSeq == number)
            #expect(after.updatedAtMs >= before.updatedAtMs + 10_000)
            #expect(after.phase == .streaming)
            #expect(after.bytesDone == 1 << 20)
            #expect(after.bytesTotal == 5 << 20)
            #expect(!after.isSuspect)
            try await fleet.expectInvariants()
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.store.beat(claim.attempt, number: number, Self.beat) == nil)
                #expect(try await fleet.store.beat(claim.attempt, number: number - 1, Self.beat) == nil)
            }
        }
    }

    @Test("where the bytes were fetched is kept with the image, in less than 16 KiB, and goes with it")
    func provenance() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            var content = Fleet.content(claim.attempt, task.image)
            let long = String(repeating: "\u{1}\"", count: 5000)
            content.provenance = Provenance(
                urls: Array(repeating: long, count: 100), address: long,
                certificate: .init(sha256: String(repeating: "f", count: 64), subject: long, issuer: long),
                etag: long, lastModified: long, sizeBytes: .max, beganAtMs: .max, endedAtMs: .max, checksum: "md5:0",
                checksumUrl: long, signers: Array(repeating: long, count: 100))
            for _ in 1...2 {
                let reply = try await fleet.store.publish(
                    claim.attempt, content, diskFormat: claim.image.diskFormat,
                    containerFormat: claim.image.containerFormat, message: "done")
                #expect(reply == .published)
            }
            #expect(try await fleet.store.provenance(of: task.image) == content.provenance)
            let key = fleet.store.keys.image(task.image)
            let text = try #require(try await fleet.client.send("HGET", key, "provenance").string)
            #expect(text.utf8.count < 16 << 10)
            #expect(try await fleet.store.deleteImage(task.image) == .deleted)
            #expect(try await fleet.store.provenance(of: task.image) == nil)
        }
    }

    @Test("bytes that nobody fetched have no provenance")
    func noProvenance() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            #expect(try await fleet.publish(try await fleet.claim()) == .published)
            #expect(try await fleet.store.provenance(of: task.image) == nil)
        }
    }

    @Test("a publish makes the image active, ends the task and drops the lock; a repeat says so again")
    func publish() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue(stores: [Fleet.main, Fleet.far])
            let claim = try await fleet.claim(stores: [Fleet.main, Fleet.far])
            #expect(try await fleet.publish(claim, stores: [Fleet.main], failed: [Fleet.far]) == .published)
            let image = try await fleet.imageRecord(task.image)
            #expect(image.status == .active)
            #expect(image.sizeBytes == 4096)
            #expect(image.digests == Fleet.digests(claim.nonce.rawValue))
            #expect(image.locations == [Fleet.main: "\(task.image)/\(claim.nonce)"])
            #expect(image.importingToStores == [])
            #expect(image.failedStores == [Fleet.far])
            #expect(image.lockedBy == nil)
            let ended = try await fleet.task(task.id)
            #expect(ended.state == .success)
            #expect(ended.result == .success)
            #expect(ended.bytesDone == 4096)
            #expect(try #require(ended.expiresAtMs) > ended.createdAtMs)
            #expect(try await fleet.garbage() == ["far \(task.image)/\(claim.nonce)"])
            let history = try await fleet.store.history(task.id)
            #expect(history.map(\.reason) == ["success"])
            #expect(history.first?.worker == Fleet.alpha.rawValue)
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.publish(claim, stores: [Fleet.main], failed: [Fleet.far]) == .published)
                let lost = LostLease(why: .ended(.success))
                #expect(try await fleet.store.beat(claim.attempt, number: 9, Self.beat) == lost)
                #expect(try await fleet.store.fail(claim.attempt, .reject, reason: "late") == .lost(lost))
                #expect(try await fleet.store.release(claim.attempt) == .lost(lost))
            }
        }
    }

    @Test("a store that was asked for and is not spoken of leaves no object behind")
    func forgottenStore() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue(stores: [Fleet.main, Fleet.far])
            let claim = try await fleet.claim(stores: [Fleet.main, Fleet.far])
            #expect(try await fleet.publish(claim, stores: [Fleet.main]) == .published)
            #expect(try await fleet.garbage() == ["far \(task.image)/\(claim.nonce)"])
        }
    }

    @Test("a publish is refused for changed formats, foreign objects, no object; and changes nothing")
    func publishRefusals() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            var content = Fleet.content(claim.attempt, task.image)
            func publish() async throws -> PublishReply {
                try await fleet.store.publish(
                    claim.attempt, content, diskFormat: "raw", containerFormat: "bare", message: "")
            }
            try await fleet.changesNothing { () async throws in
                let other = try await fleet.store.publish(
                    claim.attempt, content, diskFormat: "qcow2", containerFormat: "bare", message: "")
                #expect(other == .changed(what: "formats"))
                content.locations = [Fleet.main: "\(task.image)/\(Nonce.mint())"]
                #expect(try await publish() == .changed(what: "staged data"))
                content.locations = [Fleet.main: "\(ImageID.random())/\(claim.nonce)"]
                #expect(try await publish() == .changed(what: "staged data"))
                content.locations = [:]
                await #expect(throws: LeaseStoreError.self) { try await publish() }
            }
            // The record's formats changed under the import.
            let image = try await fleet.imageRecord(task.image)
            var changed = image
            changed.diskFormat = "qcow2"
            #expect(try await fleet.store.updateImage(image, to: changed) == .updated(revision: 1))
            try await fleet.changesNothing { () async throws in
                #expect(try await fleet.publish(claim) == .changed(what: "formats"))
            }
        }
    }

    @Test("a failure that may pass waits for its next attempt with the lock; the last one ends the task")
    func retry() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            for attempt in 1...3 {
                let claim = try await fleet.claim()
                #expect(claim.task.attempt == attempt)
                let expected: FailReply = attempt < 3 ? .requeued : .ended
                let delay: Duration = attempt == 1 ? .seconds(60) : .zero
                #expect(try await fleet.store.fail(claim.attempt, .retry(after: delay), reason: "reset") == expected)
                try await fleet.expectInvariants()
                // The reply was lost: the first answer.
                try await fleet.changesNothing { () async throws in
                    #expect(
                        try await fleet.store.fail(claim.attempt, .retry(after: delay), reason: "reset") == expected)
                }
                if attempt == 1 {
                    #expect(try #require(try await fleet.task(task.id).dueAtMs) > 0)
                    #expect(try await fleet.holder(of: task.image) == task.id)
                    try await fleet.client.send("ZADD", "{test}:delayed", 1, task.id.rawValue)
                }
            }
            let ended = try await fleet.task(task.id)
            #expect(ended.result == .attemptsSpent)
            #expect(ended.message == "reset (the last of 3 attempts)")
            let image = try await fleet.imageRecord(task.image)
            #expect(image.status == .queued)
            #expect(image.failedStores == [Fleet.main])
            #expect(image.lockedBy == nil)
            #expect(try await fleet.store.history(task.id).count == 3)
            #expect(try await fleet.garbage().count == 3)
        }
    }

    @Test("an answer to a failure is repeated only until the next attempt begins")
    func lateRepeat() async throws {
        try await withFleet { fleet in
            _ = try await fleet.queue()
            let first = try await fleet.claim()
            #expect(try await fleet.store.fail(first.attempt, .retry(after: .zero), reason: "reset") == .requeued)
            let second = try await fleet.claim(by: Fleet.beta)
            try await fleet.changesNothing { () async throws in
                let lost = LostLease(why: .superseded, holder: Fleet.beta.rawValue)
                #expect(
                    try await fleet.store.fail(first.attempt, .retry(after: .zero), reason: "reset") == .lost(lost))
                #expect(try await fleet.store.release(first.attempt) == .lost(lost))
                #expect(try await fleet.store.beat(first.attempt, number: 99, Self.beat) == lost)
                #expect(try await fleet.publish(first) == .lost(lost))
            }
            #expect(try await fleet.publish(second) == .published)
        }
    }

    @Test("what a later attempt has done is not told to an earlier one as its own")
    func notItsOwn() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let first = try await fleet.claim()
            #expect(
                try await fleet.store.recover(task.id, beatSeq: first.task.beatSeq, dead: Fleet.alpha) == .requeued)
            let second = try await fleet.claim()
            #expect(try await fleet.store.release(second.attempt) == .requeued)
            guard case .lost = try await fleet.store.release(first.attempt) else { throw NoTask(reply: "released") }
            let third = try await fleet.claim()
            #expect(try await fleet.store.fail(third.attempt, .retry(after: .zero), reason: "reset") == .requeued)
            let failed = try await fleet.store.fail(first.attempt, .retry(after: .zero), reason: "late")
            guard case .lost = failed else { throw NoTask(reply: "\(failed)") }
            let last = try await fleet.claim()
            #expect(try await fleet.publish(last) == .published)
            let published = try await fleet.publish(first)
            guard case .lost(let lost) = published else { throw NoTask(reply: "\(published)") }
            #expect(lost.why == .ended(.success))
        }
    }

    @Test("a recovered attempt cannot fail or give back the task that now waits")
    func recovered() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            let seq = claim.task.beatSeq
            #expect(try await fleet.store.recover(task.id, beatSeq: seq, dead: Fleet.alpha) == .requeued)
            try await fleet.changesNothing { () async throws in
                let lost = LostLease(why: .recovered, holder: task.id.rawValue)
                #expect(try await fleet.store.fail(claim.attempt, .reject, reason: "late") == .lost(lost))
                #expect(try await fleet.store.release(claim.attempt) == .lost(lost))
                #expect(try await fleet.publish(claim) == .lost(lost))
            }
        }
    }

    @Test("a worker's own fault spends no attempt; a refusal ends the task at once")
    func faults() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            for _ in 0..<5 {
                let claim = try await fleet.claim()
                let reply = try await fleet.store.fail(claim.attempt, .workerFault(retryAfter: .zero), reason: "disk")
                #expect(reply == .requeued)
            }
            #expect(try await fleet.task(task.id).spent == 0)
            let claim = try await fleet.claim()
            for _ in 0..<2 {
                #expect(try await fleet.store.fail(claim.attempt, .reject, reason: "wrong digest") == .ended)
            }
            let ended = try await fleet.task(task.id)
            #expect(ended.result == .rejected)
            #expect(ended.attempt == 6)
        }
    }

    @Test("a drained task is back in its place, and saying so twice changes nothing")
    func release() async throws {
        try await withFleet { fleet in
            let task = try await fleet.queue()
            let claim = try await fleet.claim()
            #expect(try await fleet.store.release(claim.attempt) == .requeued)
            #expect(try await fleet.unchanged { try await fleet.store.release(claim.attempt) } == .requeued)
            let waiting = try await fleet.task(task.id)
            #expect(waiting.state == .pending)
            #expect(waiting.spent == 0)
            #expect(waiting.attempt == 1)
            #expect(try await fleet.store.cancel(task.id, message: "") == .cancelled)
            #expect(try await fleet.unchanged { try await fleet.store.release(claim.attempt) } == .requeued)
        }
    }

    @Test("an attempt of no task is told that it is gone")
    func gone() async throws {
        try await withFleet { fleet in
            let nobody = AttemptID(task: .random(), nonce: .mint())
            try await fleet.changesNothing { () async throws in
                let lost = LostLease(why: .gone)
                #expect(try await fleet.store.beat(nobody, number: 1, Self.beat) == lost)
                #expect(try await fleet.store.fail(nobody, .reject, reason: "") == .lost(lost))
                #expect(try await fleet.store.release(nobody) == .lost(lost))
                let content = Fleet.content(nobody, .random())
                let reply = try await fleet.store.publish(
                    nobody, content, diskFormat: "raw", containerFormat: "bare", message: "")
                #expect(reply == .lost(lost))
            }
        }
    }

    @Test("a failure of an unknown kind or without a delay is an error that changes nothing")
    func unknownFailure() async throws {
        try await withFleet { fleet in
            _ = try await fleet.queue()
            let claim = try await fleet.claim()
            try await fleet.changesNothing { () async throws in
                for (how, delay) in [("maybe", "0"), ("retry", "soon"), ("", "")] {
                    await #expect(throws: LeaseStoreError.self) {
                        try await fleet.store.call(
                            Scripts.importFail, [claim.task.id.rawValue, claim.nonce.rawValue, how, "x", delay])
                    }
                }
            }
        }
    }
}
