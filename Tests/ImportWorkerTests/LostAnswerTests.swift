import FaultProxy
import ImportModel
import LeaseStore
import TestSupport
import Testing

@testable import ImportWorker

/// What a worker makes of answers that come late or never.
@Suite struct LostAnswerTests {
    @Test("a claim whose answer is lost is asked for again, and gets the same task")
    func claim() async throws {
        try await WorkBench.with { bench in
            let server = try await ScriptedHTTPServer { _ in ScriptedHTTPServer.answer(body: "bytes") }
            let task = try await bench.queue(server.url())
            try await bench.withProxy { proxy, store in
                proxy.use([FaultRule(.cutBeforeReply, of: ["import-claim"], limit: 1)])
                let loop = ClaimLoop(
                    store: store, runner: try bench.runner(), process: bench.identity.id,
                    stores: ReadyStores([WorkBench.storeID]),
                    concurrency: 1, logger: bench.logger)
                let ended = try await running([loop]) { try await bench.end(of: task.id) }
                #expect(ended.state == .success)
                #expect(ended.attempt == 1)
                #expect(proxy.tally.count("cut-before-reply", of: "import-claim") == 1)
            }
            try await server.stop()
        }
    }

    @Test("every beat that arrives counts, also when the answers to those before were lost")
    func beatNumbers() async throws {
        try await WorkBench.with { bench in
            let task = try await bench.queue("http://127.0.0.1:1/")
            let claim = try await bench.claim()
            try await bench.withProxy { proxy, store in
                proxy.use([FaultRule(.cutBeforeReply, of: ["import-beat"], limit: 2)])
                let keeper = keeper(store, claim, heldSince: .now, bench)
                try await keeper.keep {
                    await Result { try await eventually { proxy.answers(to: "import-beat") >= 4 } }
                }.get()
                let now = try #require(try await bench.store.task(task.id))
                #expect(now.beatSeq == claim.task.beatSeq + Int64(proxy.answers(to: "import-beat")))
            }
        }
    }

    @Test("the lease counts from when a beat was sent, however late its answer comes")
    func lateAnswer() async throws {
        var settings = WorkBench.settings
        settings.lease = .seconds(4)
        settings.margin = .seconds(3)
        // Only progress makes the keeper beat, once a second.
        settings.beat = .seconds(3600)
        try await WorkBench.with(settings) { bench in
            _ = try await bench.queue("http://127.0.0.1:1/")
            let claim = try await bench.claim()
            try await bench.withProxy { proxy, store in
                // Makes the connection, and Redis learns the script.
                let beat = Beat(phase: .streaming, message: "", bytesDone: 0, bytesTotal: nil)
                let attempt = AttemptID(task: claim.task.id, nonce: claim.nonce)
                #expect(try await store.beat(attempt, number: claim.task.beatSeq, beat) == nil)
                // Held since long ago: the gate is shut from the start.
                let keeper = keeper(store, claim, heldSince: .now - .seconds(60), bench)
                try await proxy.holdReplies()
                keeper.note(phase: .streaming)
                try await keeper.keep {
                    await Result {
                        try await eventually { proxy.answers(to: "import-beat") == 2 }
                        let passed = OneShot<Int64?>()
                        let waiting = Task {
                            try await keeper.pass()
                            passed.fulfil(try await bench.store.task(claim.task.id)?.beatSeq)
                        }
                        // What is tested takes this time: the answer comes when writing is no longer allowed by it.
                        try await Task.sleep(for: settings.lease - settings.margin)
                        try await proxy.heal()
                        try await eventually {
                            keeper.note(phase: .streaming)
                            return passed.peek != nil
                        }
                        try await waiting.value
                        // The late answer was to the first beat after the claim; the gate opens with the next.
                        #expect(try #require(try await passed.wait()) > claim.task.beatSeq + 1)
                    }
                }.get()
            }
        }
    }

    private func keeper(
        _ store: LeaseStore, _ claim: Claim, heldSince: ContinuousClock.Instant, _ bench: WorkBench
    ) -> LeaseKeeper {
        LeaseKeeper(
            store: store, attempt: AttemptID(task: claim.task.id, nonce: claim.nonce), beatSeq: claim.task.beatSeq,
            heldSince: heldSince, bytesTotal: nil, logger: bench.logger)
    }
}
