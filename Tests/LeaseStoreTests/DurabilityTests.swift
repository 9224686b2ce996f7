import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

/// With replicas, nobody is told of a change before they have it.
@Suite struct DurabilityTests {
    @Test("what no replica has confirmed is in doubt, and the same call finds out what became of it")
    func unconfirmed() async throws {
        try await withFleet { fleet in
            // It waits for one replica, and there is none.
            let store = LeaseStore(
                redis: fleet.client, keys: fleet.store.keys, settings: fleet.store.settings, replicas: 1)
            let queued = Fleet.download(try await fleet.image())
            let cancelled = try await fleet.queue()
            let deleted = try await fleet.image()
            let shared = try await fleet.image()
            // The first in the queue is not one that is meant.
            for _ in 0..<3 { _ = try await fleet.queue() }
            var claims: [Claim] = []
            while claims.count < 3 {
                let claim = try await fleet.claim()
                if claim.task.id != cancelled.id { claims.append(claim) }
            }
            let (attempt, failed, released) = (claims[0], claims[1], claims[2])
            let content = Fleet.content(attempt.attempt, attempt.task.image)
            let stray = ObjectKey(image: try await fleet.image(), nonce: .mint()).description

            // Side by side, since each waits for its confirmation as long as it may.
            async let create: Void = expectDoubt { try await store.createImport(queued, wanted: .queued) }
            async let cancel: Void = expectDoubt { try await store.cancel(cancelled.id, message: "x") }
            async let delete: Void = expectDoubt { try await store.deleteImage(deleted) }
            async let publish: Void = expectDoubt {
                try await store.publish(
                    attempt.attempt, content, diskFormat: "raw", containerFormat: "bare", message: "done")
            }
            async let take: Void = expectDoubt {
                try await store.takeGarbage(of: Fleet.main, olderThan: .seconds(60), atMost: 1)
            }
            async let remove: Void = expectDoubt { try await store.removeMember("other", from: shared) }
            async let turn: Void = expectDoubt { try await store.switchImage(shared, isActive: false) }
            async let fail: Void = expectDoubt {
                try await store.fail(failed.attempt, .retry(after: .seconds(60)), reason: "x")
            }
            async let release: Void = expectDoubt { try await store.release(released.attempt) }
            async let name: Void = expectDoubt { try await store.nameGarbage([(Fleet.main, stray)]) }
            _ = await (create, cancel, delete, publish, take, remove, turn)
            _ = await (fail, release, name)

            #expect(
                try await fleet.store.createImport(queued, wanted: .queued)
                    == .created(priorStatus: .queued, stolen: nil))
            #expect(try await fleet.store.cancel(cancelled.id, message: "x") == .cancelled)
            #expect(try await fleet.publish(attempt) == .published)
            #expect(try await fleet.store.image(deleted) == nil)
        }
    }

    private func expectDoubt<Answer>(_ call: () async throws -> Answer) async {
        await #expect {
            _ = try await call()
        } throws: { if case LeaseStoreError.inDoubt = $0 { true } else { false } }
    }
}
