import FaultHarness
import Foundation
import ImportModel
import Testing
import TestSupport

extension SystemTests {
    @Suite struct WorkerFaultTests {
        @Test("a worker that was frozen past its lease changes nothing, and says who took over")
        func frozen() async throws {
            try await Fleet.run { fleet in
                let api = try await fleet.startAPI()
                let frozen = try await fleet.startWorker()
                let image = SourceImage(seed: 1, mib: 32)
                // The first request gets half of the image, and the rest when the gate opens.
                let half = ImageSource.Fault(kind: .gate, number: image.size / 2, times: 1)
                let id = try await api.client.beginImport(fleet.source.url(image, half))
                try await eventually { try await api.client.task(of: id).bytesDone > 0 }
                frozen.freeze()
                let other = try await fleet.startWorker()
                try await api.client.wait(for: [id])
                let before = try await api.client.image(id)
                let files = RestCheck.objects(in: fleet.store)

                frozen.thaw()
                fleet.source.openGate()
                let line = try await frozen.logged("lease lost")
                let otherID = try await other.fleetID()
                let task = try await api.client.task(of: id)
                #expect(line.text.contains(otherID), "\(line.text)")

                let after = try await api.client.image(id)
                #expect(after.status == "active")
                #expect(after.digest == before.digest && after.checksum == before.checksum && after.size == before.size)
                #expect(task.history?.map(\.worker) == [try await frozen.fleetID(), otherID])
                #expect(RestCheck.objects(in: fleet.store).isSubset(of: files))
                let check = RestCheck(fleet: fleet)
                try await check.swept()
                #expect(try await check.problems([id: image]) == [])
                // It is of use again.
                other.kill()
                let next = SourceImage(seed: 2, mib: 1)
                try await api.client.wait(for: [try await api.client.beginImport(fleet.source.url(next))])
            }
        }

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
                #expect(try await check.problems([id: image]) == [])
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

        @Test(
            "workers that are stopped one after the other under load give back what they run, and no attempt is spent")
        func drained() async throws {
            try await Fleet.run(Fleet.patient) { fleet in
                let api = try await fleet.startAPI()
                var workers = try await fleet.startWorkers(3)
                var images: [ImageID: SourceImage] = [:]
                for seed in 0..<(40 * Scale.factor) {
                    let image = SourceImage(seed: seed, mib: 4)
                    // Slow enough that every worker is in the middle of several when it is stopped.
                    let drip = ImageSource.Fault(kind: .drip, number: 4 << 20)
                    images[try await api.client.beginImport(fleet.source.url(image, drip))] = image
                }
                for _ in 0..<3 {
                    let leaving = workers.removeFirst()
                    let id = try await leaving.fleetID()
                    try await eventually {
                        try await api.client.workers().contains { $0.id.rawValue == id && !$0.running.isEmpty }
                    }
                    let asked = ContinuousClock.now
                    try await leaving.terminate()
                    print("a worker under load left after \(ContinuousClock.now - asked)")
                    workers.append(try await fleet.startWorker())
                }
                try await api.client.wait(for: images.keys)
                var given = 0
                for image in images.keys {
                    let task = try await api.client.task(of: image)
                    let reasons = task.history?.map(\.reason) ?? []
                    #expect(task.spent == 1 && reasons.last == "success", "\(task.id): \(reasons)")
                    #expect(reasons.dropLast().allSatisfy { $0.contains("given back") }, "\(task.id): \(reasons)")
                    given += reasons.count - 1
                }
                #expect(given > 0)
                print("\(given) attempts were given back")
                let check = RestCheck(fleet: fleet)
                #expect(try await check.problems(images, isSwept: false) == [])
            }
        }
    }
}
