import ImportModel
import RedisClient
import Testing

@testable import LeaseStore

/// A full server drains instead of wedging: what adds work is refused, what finishes or frees work goes on.
@Suite struct FullServerTests {
    @Test("a full server takes no new work and finishes what runs")
    func full() async throws {
        try await withFleet { fleet in
            let store = fleet.store
            var tasks: [NewTask] = []
            for _ in 0..<6 { tasks.append(try await fleet.queue()) }
            let (free, deleted) = (try await fleet.image(), try await fleet.image())
            let record = try await fleet.imageRecord(free)
            let early = try await fleet.claim()
            #expect(try await store.keep(Fleet.checkpoint(early), of: early.attempt) == nil)
            try await fleet.client.send("CONFIG", "SET", "maxmemory", 1)

            func expectFull(_ call: () async throws -> Void) async {
                let error = await #expect(throws: LeaseStoreError.self) { try await call() }
                guard case .full = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
            }
            try await fleet.changesNothing { () async throws in
                await expectFull { _ = try await store.createImport(Fleet.download(free), wanted: .queued) }
                await expectFull {
                    _ = try await store.keep(Fleet.checkpoint(early, value: "further"), of: early.attempt)
                }
                await expectFull { _ = try await store.createImage(ImageRecord(id: .random())) }
                var changed = record
                changed.name = "new"
                await expectFull { _ = try await store.updateImage(record, to: changed) }
                await expectFull { _ = try await store.addMember("other", to: free, limit: 128) }
                await expectFull {
                    _ = try await store.openUpload(
                        Fleet.download(free), kind: .upload, nonce: .mint(), process: Fleet.alpha)
                }
            }

            let beat = Beat(phase: .streaming, message: "", bytesDone: 1, bytesTotal: nil)
            #expect(try await store.beat(early.attempt, number: early.task.beatSeq + 1, beat) == nil)
            #expect(try await store.forgetCheckpoint(of: early.attempt, because: "x") == nil)
            #expect(try await fleet.publish(early) == .published)
            let failing = try await fleet.claim()
            #expect(try await store.fail(failing.attempt, .reject, reason: "bad") == .ended)
            let drained = try await fleet.claim()
            #expect(try await store.release(drained.attempt) == .requeued)
            let dying = try await fleet.claim()
            #expect(try await store.suspect(dying.task.id, beatSeq: dying.task.beatSeq))
            let recovered = try await store.recover(dying.task.id, beatSeq: dying.task.beatSeq, dead: Fleet.alpha)
            #expect(recovered == .requeued)
            #expect(try await store.cancel(tasks[5].id, message: "") == .cancelled)
            #expect(try await store.deleteImage(deleted) == .deleted)
            try await store.nameGarbage([(store: Fleet.main, key: "\(deleted)/\(Nonce.mint())")])
            _ = try await store.takeGarbage(of: Fleet.main, olderThan: .zero, atMost: 5)
            _ = try await store.scanLeases(silence: .zero, host: "h")
            _ = try await store.queueStats()
            #expect(try await store.auditTasks().faults == [])
            #expect(try await store.expireTasks() == 0)
            _ = try await store.beginTurn("audit", every: .seconds(60))
            try await store.setPaused(true)
            try await store.setPaused(false)
            // A process that is started now can help to drain.
            _ = try await store.openCatalog()
            let process = ProcessRecord(
                id: Fleet.beta, role: "worker", host: "h", hostKey: "h", pid: 1, startTicks: 1, version: "1",
                concurrency: 1, stores: [Fleet.main])
            #expect(try await store.register(process, timeToLive: .seconds(60)) == 1)
            var published = 0
            while try await fleet.store.queueStats().queue.pending > 0 {
                #expect(try await fleet.publish(try await fleet.claim()) == .published)
                published += 1
            }
            #expect(published == 3)
            try await fleet.client.send("CONFIG", "SET", "maxmemory", 0)
        }
    }
}
