import FaultHarness
import Foundation
import ImportModel
import Testing
import TestSupport

extension SystemTests {
    @Suite struct WorkerFaultTests {
        @Test("a worker thawed while its successor still works hears who that is")
        func superseded() async throws {
            try await Fleet.run { fleet in
                let api = try await fleet.startAPI()
                let frozen = try await fleet.startWorker()
                let image = SourceImage(seed: 1, mib: 16)
                let half = ImageSource.Fault(kind: .gate, number: image.size / 2, times: 2)
                let id = try await api.client.beginImport(fleet.source.url(image, half))
                try await eventually { try await api.client.task(of: id).bytesDone > 0 }
                frozen.freeze()
                let other = try await fleet.startWorker()
                try await eventually(within: .seconds(60)) {
                    let task = try await api.client.task(of: id)
                    return task.attempt == 2 && task.bytesDone > 0
                }
                frozen.thaw()
                let line = try await frozen.logged("lease lost")
                #expect(line.text.contains(try await other.fleetID()), "\(line.text)")
                fleet.source.openGate()
                try await api.client.wait(for: [id])
                let check = RestCheck(fleet: fleet)
                try await check.swept()
                #expect(try await check.problems([id: image]).map(\.description) == [])
            }
        }

        @Test("a worker that is frozen while it waits for work keeps none from the others")
        func frozenIdle() async throws {
            try await Fleet.run(Fleet.patient) { fleet in
                let api = try await fleet.startAPI()
                // It waits first, so it would be the first to be woken.
                let frozen = try await fleet.startWorker()
                _ = try await fleet.startWorker()
                frozen.freeze()
                for seed in 0..<3 {
                    let id = try await api.client.beginImport(fleet.source.url(SourceImage(seed: seed, mib: 1)))
                    // Far less than the longest wait of an idle worker.
                    try await api.client.wait(for: [id], within: .seconds(25))
                }
            }
        }

        @Test(
            "the import of a worker that was killed goes on at once where its death can be seen, however long its lease"
        )
        func proofOfDeath() async throws {
            try await Fleet.run(Fleet.patient) { fleet in
                let api = try await fleet.startAPI()
                var running = try await fleet.startWorker()
                for round in 0..<(3 * Scale.factor) {
                    let image = SourceImage(seed: round, mib: 4)
                    let half = ImageSource.Fault(kind: .gate, number: image.size / 2, times: 1)
                    let id = try await api.client.beginImport(fleet.source.url(image, half))
                    try await eventually { try await api.client.task(of: id).state == .processing }
                    let next = try await fleet.startWorker()
                    let dead = try await running.fleetID()
                    let killed = ContinuousClock.now
                    running.kill()
                    try await eventually(within: .seconds(50)) { try await api.client.task(of: id).attempt == 2 }
                    print("a killed worker's import ran again after \(ContinuousClock.now - killed)")
                    let reason = try await api.client.task(of: id).history?.first?.reason ?? "none"
                    #expect(reason.contains("gone") && reason.contains(dead), "\(reason)")
                    try await api.client.wait(for: [id])
                    running = next
                }
            }
        }
    }
}
