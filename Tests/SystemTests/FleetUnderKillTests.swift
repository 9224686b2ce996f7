import FaultHarness
import Foundation
import ImportModel
import NIOHTTP1
import Testing
import TestSupport

extension SystemTests {
    @Suite struct FleetUnderKillTests {
        /// Most images are small, some large, as in life; 1 to 64 MiB.
        private static let images = (0..<200).map { index in
            let sizes = Scale.factor > 1 ? [1, 2, 8, 16, 24, 32, 48, 64] : [1, 1, 1, 2, 2, 2, 4, 8]
            return SourceImage(seed: index, mib: index % 100 == 99 ? 64 : sizes[index % sizes.count])
        }

        @Test("a fleet whose workers are killed all the time imports every image, and leaves nothing behind")
        func killed() async throws {
            // Many attempts are allowed: how often one image is hit is not what is looked at.
            let settings = [
                "lease.duration=5s", "lease.beat=500ms", "lease.margin=1s", "lease.garbage-grace=0s",
                "retry.base=100ms",
                "retry.cap=500ms", "sweep.interval=1s", "lease.max-attempts=100",
            ]
            try await Fleet.run(settings) { fleet in
                let apis = [try await fleet.startAPI(), try await fleet.startAPI()]
                var workers = try await fleet.startWorkers(3, ["--concurrency", "2"])
                var images: [ImageID: SourceImage] = [:]
                // As slow as a network, so that workers die in the middle of their work.
                let network = ImageSource.Fault(kind: .drip, number: 16 << 20)
                #expect(try await apis[0].client.send(.POST, "/longshore/v1/queue/pause").status == 200)
                for (index, image) in Self.images.enumerated() {
                    images[try await apis[index % 2].client.beginImport(fleet.source.url(image, network))] = image
                }
                #expect(try await apis[1].client.send(.POST, "/longshore/v1/queue/resume").status == 200)
                let started = ContinuousClock.now
                var killed: Set<String> = []
                // A bound, so that the largest images get their turn as well.
                while try await apis[0].client.queue().isBusy, killed.count < 12 * Scale.factor {
                    // The pace of the faults, not a wait for anything.
                    try await Task.sleep(for: .seconds(1))
                    let victim = workers.remove(at: Int.random(in: workers.indices))
                    killed.insert(try await victim.fleetID())
                    victim.kill()
                    workers.append(try await fleet.startWorker(["--concurrency", "2"]))
                }
                print("\(images.count) images with \(killed.count) kills took \(ContinuousClock.now - started)")
                try await apis[1].client.wait(for: images.keys)
                let check = RestCheck(fleet: fleet)
                try await check.swept()
                #expect(try await check.problems(images) == [])
                #expect(try await wrongEndings(images.keys, of: killed, apis[0].client) == [])
                #expect(!killed.isEmpty)
            }
        }

        /// Attempts that ended otherwise than by success or by the death of their worker.
        private func wrongEndings(
            _ images: some Sequence<ImageID>, of killed: Set<String>, _ client: FleetClient
        ) async throws -> [String] {
            var wrong: [String] = []
            var lost = 0
            for image in images {
                let task = try await client.task(of: image)
                let history = task.history ?? []
                if task.attempt != task.spent { wrong.append("\(task.id): \(task.spent) of \(task.attempt) are spent") }
                if history.last?.reason != "success" {
                    wrong.append("\(task.id) ended with \(history.last?.reason ?? "nothing")")
                }
                lost += history.count - 1
                for attempt in history.dropLast() where !killed.contains(attempt.worker) {
                    wrong.append(
                        "\(task.id) lost attempt \(attempt.attempt) of the living \(attempt.worker): \(attempt.reason)")
                }
            }
            print("\(lost) attempts were lost with their workers")
            return wrong
        }
    }
}

extension QueueStats {
    /// Whether anything waits or runs.
    var isBusy: Bool { pending + delayed + processing > 0 }
}
