import FaultProxy
import Foundation
import ImportModel
import LeaseStore
import TestSupport
import Testing

@testable import ImportWorker

@Suite struct RecoveryTests {
    @Test func aSilentAttemptIsWatchedForItsWholeLeaseByTheWatchersOwnClock() throws {
        var list = WatchList()
        let start = ContinuousClock.now
        let process = try #require(ProcessID(rawValue: "host-1-a"))
        var attempt = SilentAttempt(
            task: .random(), beatSeq: 4, age: .seconds(3600), lease: .seconds(30), process: process)
        #expect(list.observe([attempt], run: "a", at: start).isEmpty)
        #expect(list.observe([attempt], run: "a", at: start + .seconds(29)).isEmpty)
        #expect(list.nextDue == start + .seconds(30))
        #expect(list.observe([attempt], run: "a", at: start + .seconds(30)) == [attempt])
        attempt.beatSeq = 5
        #expect(list.observe([attempt], run: "a", at: start + .seconds(31)).isEmpty)
        #expect(list.observe([], run: "a", at: start + .seconds(50)).isEmpty)
        #expect(list.observe([attempt], run: "a", at: start + .seconds(80)).isEmpty)
    }

    @Test func whatWasWatchedBeforeTheServerWasAwayCountsForNothing() throws {
        var list = WatchList()
        let start = ContinuousClock.now
        let process = try #require(ProcessID(rawValue: "host-1-a"))
        let attempt = SilentAttempt(
            task: .random(), beatSeq: 4, age: .seconds(3600), lease: .seconds(30), process: process)
        #expect(list.observe([attempt], run: "a", at: start).isEmpty)
        // The server was started anew: nobody has had the time to beat.
        #expect(list.observe([attempt], run: "b", at: start + .seconds(40)).isEmpty)
        #expect(list.nextDue == start + .seconds(70))
        // It could not be reached.
        list.forget()
        #expect(list.nextDue == nil)
        #expect(list.observe([attempt], run: "b", at: start + .seconds(80)).isEmpty)
        #expect(list.observe([attempt], run: "b", at: start + .seconds(110)) == [attempt])
    }

    @Test func anOutageOfTheServerIsNoSilenceOfTheWorkers() async throws {
        var settings = WorkBench.settings
        settings.lease = .seconds(4)
        try await WorkBench.with(settings) { bench in
            _ = try await bench.queue("http://127.0.0.1:1/")
            let stranger = try #require(ProcessID(rawValue: "elsewhere-1-abc"))
            let claim = try await bench.claim(as: stranger)
            try await bench.withProxy(patience: .milliseconds(300)) { proxy, store in
                let recoverer = Recoverer(store: store, identity: bench.identity, logger: bench.logger)
                try await running([recoverer]) {
                    func anotherLook() async throws {
                        let looks = proxy.answers(to: "lease-scan")
                        try await eventually { proxy.answers(to: "lease-scan") > looks }
                    }
                    // It begins to watch; then nobody reaches the server for more than a lease.
                    try await eventually {
                        try await bench.store.scanLeases(silence: bench.store.settings.beat * 2, host: "h").silent.count
                            == 1
                    }
                    try await anotherLook()
                    try await proxy.isolate()
                    try await Task.sleep(for: bench.store.settings.lease)
                    try await proxy.cutAll()
                    try await proxy.heal()
                    // One look could still be followed by a recovery; the next one comes after it.
                    try await anotherLook()
                    try await anotherLook()
                    let beat = Beat(phase: .streaming, message: "", bytesDone: 0, bytesTotal: nil)
                    let attempt = AttemptID(task: claim.task.id, nonce: claim.nonce)
                    #expect(try await bench.store.beat(attempt, number: claim.task.beatSeq + 1, beat) == nil)
                }
            }
        }
    }

    @Test func aSilentAttemptIsGivenBackWithItsLock() async throws {
        try await WorkBench.with { bench in
            let task = try await bench.queue("http://127.0.0.1:1/")
            // A process of another host: only its silence can be seen.
            let stranger = try #require(ProcessID(rawValue: "elsewhere-1-abc"))
            _ = try await bench.claim(as: stranger)
            try await running([Recoverer(store: bench.store, identity: bench.identity, logger: bench.logger)]) {
                try await eventually { try await bench.store.task(task.id)?.state == .pending }
            }
            #expect(try await bench.store.image(task.image)?.lockedBy == task.id)
            let history = try await bench.store.history(task.id)
            #expect(history.count == 1)
            #expect(history.first?.reason.contains("no heartbeat") == true)
        }
    }

    @Test func theAttemptsOfADeadProcessOfThisHostNeedNotWaitForTheirLease() async throws {
        var settings = WorkBench.settings
        settings.lease = .seconds(3600)
        settings.stealAfter = .seconds(7200)
        try await WorkBench.with(settings) { bench in
            let folder = try temporaryDirectory()
            let victim = try ServerProcess("/bin/sleep", ["600"], log: folder.appending(path: "log"), folder: folder)
            var record = bench.identity.record(
                role: "worker", version: "test", concurrency: 1, stores: [WorkBench.storeID], startedAt: Date())
            record.id = ProcessID.mint(host: "here", pid: victim.pid)
            record.pid = Int(victim.pid)
            record.startTicks = try #require(ticks(of: victim.pid))
            _ = try await bench.store.register(record, timeToLive: .seconds(60))
            let task = try await bench.queue("http://127.0.0.1:1/")
            _ = try await bench.claim(as: record.id)
            try await running([Recoverer(store: bench.store, identity: bench.identity, logger: bench.logger)]) {
                victim.kill()
                try await eventually {
                    let known = try await bench.store.processes()
                    return try await bench.store.task(task.id)?.state == .pending && known.isEmpty
                }
            }
            #expect(try await bench.store.history(task.id).first?.reason.contains("is gone") == true)
        }
    }

    private func ticks(of pid: pid_t) -> UInt64? {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return nil }
        return stat.split(separator: ")").last?.split(separator: " ").dropFirst(19).first.flatMap { UInt64($0) }
    }

    @Test func thisProcessIsNotGoneAndAReusedPidIs() {
        let own = ProcessIdentity()
        #expect(!ProcessIdentity.isGone(pid: own.pid, startTicks: own.startTicks))
        #expect(ProcessIdentity.isGone(pid: own.pid, startTicks: own.startTicks + 1))
        #expect(!ProcessIdentity.isGone(pid: 0, startTicks: 1))
        #expect(ProcessIdentity.isGone(pid: Int(Int32.max), startTicks: 1))
        #expect(!ProcessIdentity.isGone(pid: own.pid, startTicks: 0))
    }
}
