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
    }
}
