import ImportModel
import LeaseStore
import TestSupport
import Testing

@testable import ImportWorker

@Suite struct LeaseKeeperTests {
    private func keeper(_ bench: WorkBench, _ claim: Claim, heldSince: ContinuousClock.Instant) -> LeaseKeeper {
        LeaseKeeper(
            store: bench.beats, attempt: AttemptID(task: claim.task.id, nonce: claim.nonce),
            beatSeq: claim.task.beatSeq, heldSince: heldSince, bytesTotal: nil, logger: bench.logger)
    }

    @Test func beatsGoOnInEveryPhaseAndCarryTheProgress() async throws {
        try await WorkBench.with { bench in
            let task = try await bench.queue("http://127.0.0.1:1/")
            let claim = try await bench.claim()
            let keeper = keeper(bench, claim, heldSince: .now)
            try await keeper.keep { () async -> Result<Void, any Error> in
                keeper.note(phase: .verifying)
                keeper.note(bytesDone: 5 << 20)
                return await Result {
                    try await eventually {
                        let now = try await bench.store.task(task.id)
                        return now?.phase == .verifying && now?.bytesDone == 5 << 20
                            && (now?.beatSeq ?? 0) >= claim.task.beatSeq + 3
                    }
                }
            }.get()
            #expect(try await bench.store.task(task.id)?.message == "Copied 5 MiB")
        }
    }

    @Test func writingPausesWithoutABeatAndGoesOnWithTheNextOne() async throws {
        try await WorkBench.with { bench in
            _ = try await bench.queue("http://127.0.0.1:1/")
            let keeper = keeper(bench, try await bench.claim(), heldSince: .now)
            try await keeper.keep {
                await Result {
                    try await keeper.pass()
                    bench.server.suspend()
                    try await eventually { keeper.isPaused }
                    let waiting = Task { try await keeper.pass() }
                    bench.server.resume()
                    try await waiting.value
                }
            }.get()
        }
    }

    @Test func aRefusalEndsEveryWaitWithTheReason() async throws {
        try await WorkBench.with { bench in
            let task = try await bench.queue("http://127.0.0.1:1/")
            // Held since long ago: the gate is shut from the start.
            let keeper = keeper(bench, try await bench.claim(), heldSince: .now - .seconds(60))
            #expect(try await bench.store.cancel(task.id, message: "enough") == .cancelled)
            let lost = try await keeper.keep { await Result { try await keeper.lost() } }.get()
            #expect(lost.why == .ended(.cancelled))
            await #expect(throws: lost) { try await keeper.pass() }
        }
    }
}

extension Result where Failure == any Error {
    /// What `body` returns or throws.
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
