import FaultHarness
import Foundation
import ImportModel
import Testing
import TestSupport

/// Processes that end though nobody told them to do not go unnoticed.
@Suite struct ServiceEndTests {
    @Test("a fleet in which a process was ended by anybody else has failed", arguments: [SIGABRT, SIGKILL, SIGTERM])
    func unnoticed(signal: Int32) async throws {
        let failure = await #expect(throws: ServiceFailure.self) {
            try await Fleet.run { fleet in
                let worker = try await fleet.startWorker()
                kill(worker.pid, signal)
                // Its report takes longer than anybody wants to wait.
                try await eventually { worker.hasExited || worker.text.contains("Backtracing from ") }
            }
        }
        let words = signal == SIGABRT ? "worker-0 has crashed" : "worker-0 ended by itself"
        #expect(failure?.description.hasPrefix(words) == true, "\(String(describing: failure))")
    }

    @Test("processes that are told to end, die at a failpoint, or find no Redis are no failure")
    func told() async throws {
        try await Fleet.run { fleet in
            let killed = try await fleet.startWorker()
            #expect(killed.kill())
            #expect(!killed.kill())
            #expect(try await fleet.startWorker().terminate())
            let drained = try await fleet.startWorker()
            drained.drain()
            let failpoint = try fleet.beginWorker(
                .init(environment: [FailpointPlan.variable: "\(Failpoint.registerSent.rawValue)=kill@1"]))
            let lonely = try fleet.beginAPI(.init(redisURL: "unix:///nowhere/redis"))
            try await eventually(within: .seconds(60)) {
                drained.hasExited && failpoint.hasExited && lonely.hasExited
            }
            #expect(!failpoint.kill())
        }
    }

    @Test("one that stops itself when it is told to end can be let go on")
    func stopping() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }  // nothing depends on its going
        let script = "trap 'sleep 0.2; kill -STOP $$; exit' TERM; echo ready; while :; do sleep 0.01; done"
        let process = try ServiceProcess("stopping", ["-c", script], folder: folder, program: "sh")
        try await process.logged("ready")
        async let isEnded = process.terminate()
        try await eventually { process.isStopped || process.hasExited }
        process.thaw()
        #expect(try await isEnded)
        #expect(process.hasExited)
    }
}
