import ImportModel
import LeaseStore
import RedisClient
import StorageConformance
import TestSupport
import Testing

@testable import ImportWorker

/// How attempts end that do not end by themselves.
@Suite struct AttemptEndTests {
    @Test("a store that hangs holds up neither the drain nor the task")
    func hangingStore() async throws {
        try await withHangingAttempt { (bench, attempt) async throws in
            attempt.drain.fulfil()
            #expect(try await attempt.outcome() == .interrupted)
            try await expectGivenBack(bench, attempt)
            // What it was told to be garbage is swept; then the store writes after all.
            try await bench.client.send("DEL", "{test}:garbage")
            attempt.storage.release()
            try await eventually { try await garbage(bench) == [attempt.object] }
        }
    }

    @Test("an attempt that is cancelled writes its outcome all the same")
    func cancelledAttempt() async throws {
        try await withHangingAttempt { (bench, attempt) async throws in
            attempt.run.cancel()
            #expect(try await attempt.outcome() == .interrupted)
            try await expectGivenBack(bench, attempt)
        }
    }

    @Test("a worker whose beat is refused deletes nothing and names what it may have written")
    func refusedBeat() async throws {
        try await withHangingAttempt { (bench, attempt) async throws in
            #expect(try await bench.store.cancel(attempt.claim.task.id, message: "enough") == .cancelled)
            #expect(try await attempt.outcome() == .leaseLost(LostLease(why: .ended(.cancelled))))
            #expect(attempt.storage.deletes == 0)
            #expect(try await garbage(bench) == [attempt.object])
        }
    }

    @Test(
        "whoever hears that the lease is lost names what the attempt may have written, whatever it came to say",
        arguments: [
            .succeeded(ImportedContent(sizeBytes: 1, digests: ContentDigests(md5: "", sha512: ""), locations: [:])),
            .retry(reason: "x", after: nil), .rejected(reason: "x"), .workerFault(reason: "x"), .interrupted,
            .leaseLost(LostLease(why: .superseded)),
        ] as [Outcome])
    func losersNameGarbage(outcome: Outcome) async throws {
        try await WorkBench.with { bench in
            _ = try await bench.queue("http://127.0.0.1:1/")
            let claim = try await bench.claim()
            #expect(try await bench.store.cancel(claim.task.id, message: "enough") == .cancelled)
            // What the cancel itself named has been swept since.
            try await bench.client.send("DEL", "{test}:garbage")
            let settlement = Settlement(
                store: bench.store, attempt: AttemptID(task: claim.task.id, nonce: claim.nonce), retry: RetryPolicy(),
                drain: OneShot(), logger: bench.logger)
            guard case .leaseLost = await settlement.write(outcome, of: claim) else {
                Issue.record("the outcome of a lost attempt was written")
                return
            }
            #expect(try await garbage(bench) == ["main \(ObjectKey(image: claim.task.image, nonce: claim.nonce))"])
        }
    }

    /// An attempt in the middle of its first write.
    private struct Attempt: Sendable {
        let claim: Claim
        let storage: WatchedStorage
        let drain: OneShot<Void>
        let run: Task<Void, Never>
        let ended: OneShot<Outcome>

        var object: String { "main \(ObjectKey(image: claim.task.image, nonce: claim.nonce))" }

        func outcome() async throws -> Outcome {
            try await eventually { ended.peek != nil }
            return try await ended.wait()
        }
    }

    private func withHangingAttempt(_ body: (WorkBench, Attempt) async throws -> Void) async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: "the bytes of an image") }
            _ = try await bench.queue(server.url())
            let (claim, storage) = (try await bench.claim(), WatchedStorage(bench.storage))
            let (drain, ended) = (OneShot<Void>(), OneShot<Outcome>())
            let runner = try bench.runner(storage: storage)
            let run = Task { ended.fulfil(await runner.run(claim, heldSince: .now, drain: drain)) }
            let result = await Result {
                try await eventually { storage.writes == 1 }
                try await body(bench, Attempt(claim: claim, storage: storage, drain: drain, run: run, ended: ended))
            }
            storage.release()
            run.cancel()
            await run.value
            try await server.stop()
            try result.get()
        }
    }

    private func expectGivenBack(_ bench: WorkBench, _ attempt: Attempt) async throws {
        let task = try #require(try await bench.store.task(attempt.claim.task.id))
        #expect(task.state == .pending)
        #expect(task.spent == 0)
    }

    private func garbage(_ bench: WorkBench) async throws -> [String] {
        try await bench.client.send("ZRANGE", "{test}:garbage", 0, -1).array?.compactMap(\.string) ?? []
    }
}
