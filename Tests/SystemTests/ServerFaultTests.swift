import FaultHarness
import Foundation
import ImportModel
import RedisClient
import Testing
import TestSupport

extension SystemTests {
    @Suite struct ServerFaultTests {
        @Test("an API process that is killed in the middle of a request leaves no trace, or a task that is run")
        func apiKilled() async throws {
            try await Fleet.run { fleet in
                let steady = try await fleet.startAPI()
                _ = try await fleet.startWorker()
                var images: [ImageID: SourceImage] = [:]
                var (begun, untouched) = (0, 0)
                for round in 0..<(10 * Scale.factor) {
                    let victim = try await fleet.startAPI()
                    _ = try await victim.client.queue()
                    var asked: [(ImageID, SourceImage)] = []
                    for number in 0..<6 {
                        asked.append((try await steady.client.create(), SourceImage(seed: round * 6 + number, mib: 1)))
                    }
                    await withTaskGroup(of: Void.self) { group in
                        for (id, image) in asked {
                            // What the client of a killed server hears is not the question.
                            group.addTask { _ = try? await victim.client.requestImport(id, fleet.source.url(image)) }
                        }
                        group.addTask {
                            // The moment of the fault. Cancelled it would only come sooner.
                            try? await Task.sleep(for: .microseconds(Int.random(in: 0...30_000)))
                            victim.process.kill()
                        }
                    }
                    // Redis has read all that the dead process had sent once it has gone twice through its clients.
                    for _ in 0..<2 { _ = try await fleet.ask(RedisCommand("PING")) }
                    for (id, image) in asked {
                        if try await isUntouched(id, fleet, steady.client) { untouched += 1 } else { begun += 1 }
                        let again = try await steady.client.requestImport(id, fleet.source.url(image))
                        #expect([202, 409].contains(again.status), "\(again.text)")
                        images[id] = image
                    }
                }
                print("of \(images.count) requests to killed processes \(begun) had begun, \(untouched) had not")
                try await steady.client.wait(for: images.keys)
                for id in images.keys { #expect(try await steady.client.tasks(of: id).count == 1) }
                let check = RestCheck(fleet: fleet)
                #expect(try await check.problems(images, isSwept: false) == [])
            }
        }

        /// Whether an image has neither task nor lock and waits for its import. Otherwise it must have a task.
        private func isUntouched(_ id: ImageID, _ fleet: Fleet, _ client: FleetClient) async throws -> Bool {
            let lock = try await fleet.ask(RedisCommand("GET", "{longshore}:image:\(id):lock")).string
            let tasks = try await client.tasks(of: id)
            let image = try await client.image(id)
            if tasks.isEmpty {
                #expect(lock == nil && image.status == "queued", "\(image.status), held by \(lock ?? "nobody")")
                return true
            }
            #expect(lock == nil || lock == tasks[0].id.rawValue)
            return false
        }

        @Test("a Redis that is killed and started again under load costs time and nothing else")
        func redisKilled() async throws {
            try await Fleet.run(Fleet.patient) { fleet in
                let api = try await fleet.startAPI()
                let workers = try await fleet.startWorkers(2)
                var images: [ImageID: SourceImage] = [:]
                for seed in 0..<(40 * Scale.factor) {
                    let image = SourceImage(seed: seed, mib: 4)
                    let drip = ImageSource.Fault(kind: .drip, number: 8 << 20)
                    images[try await api.client.beginImport(fleet.source.url(image, drip))] = image
                }
                for _ in 0..<(2 * Scale.factor) {
                    try await eventually { try await api.client.queue().processing > 0 }
                    let before = try await api.client.queue().processing
                    fleet.redis.kill()
                    try await fleet.redis.restart()
                    print("Redis was killed with \(before) imports running")
                    // Nothing that was acknowledged is forgotten.
                    for id in images.keys { #expect(try await api.client.image(id).status != "queued") }
                    let done = try await active(images.keys, api.client)
                    guard done < images.count else { break }
                    try await eventually(within: .seconds(60)) { try await active(images.keys, api.client) > done }
                }
                try await api.client.wait(for: images.keys)
                for id in images.keys {
                    let task = try await api.client.task(of: id)
                    #expect(task.spent == 1 && task.history?.count == 1, "\(task.id): \(task.history ?? [])")
                }
                for worker in workers {
                    #expect(!worker.hasExited)
                    #expect(!worker.lines().contains { $0.message.contains("lease lost") })
                }
                let check = RestCheck(fleet: fleet)
                #expect(try await check.problems(images, isSwept: false) == [])
            }
        }

        private func active(_ images: some Sequence<ImageID>, _ client: FleetClient) async throws -> Int {
            var count = 0
            for id in images where try await client.image(id).status == "active" { count += 1 }
            return count
        }
    }
}
