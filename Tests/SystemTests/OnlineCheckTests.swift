import FaultHarness
import Foundation
import ImportModel
import NIOHTTP1
import RedisClient
import TestSupport
import Testing

extension SystemTests {
    /// The online check as operators meet it: in the metrics of a running fleet, and in `longshore doctor --deep`.
    @Suite struct OnlineCheckTests {
        private struct Report: Decodable {
            struct Line: Decodable {
                let invariant: Invariant
                let lookedAt: Int
                let unit: AuditSubject
                let found: Int
                let repaired: Int
                let foundEver: Int
                let faults: [String]
            }
            let invariants: [Line]
            let problems: [String]

            subscript(_ invariant: Invariant) -> Line? { invariants.first { $0.invariant == invariant } }
        }

        @Test("a busy fleet is looked at all the time, and nothing is found")
        func healthy() async throws {
            try await Fleet.run { fleet in
                let api = try await fleet.startAPI()
                var workers = try await fleet.startWorkers(2)
                var images: [ImageID] = []
                for number in 0..<12 {
                    images.append(
                        try await api.client.beginImport(fleet.source.url(SourceImage(seed: number, mib: 4))))
                    if number == 6 {
                        workers.removeFirst().kill()
                        workers.append(try await fleet.startWorker())
                    }
                }
                try await api.client.wait(for: images)
                let looked = try await figure(api, "longshore_audited_total{what=\"objects\"}")
                try await eventually(within: .seconds(60)) {
                    try await figure(api, "longshore_audited_total{what=\"objects\"}") >= looked + 12
                }
                for invariant in Invariant.allCases {
                    #expect(try await faults(api, invariant) == 0, "\(invariant)")
                }
                let (report, code) = try await doctor(fleet, ["--read", "all"])
                #expect(code == 0)
                #expect(report.problems == [])
                #expect(report.invariants.map(\.invariant) == Invariant.allCases)
                #expect(report.invariants.allSatisfy { $0.found == 0 && $0.foundEver == 0 })
                #expect(report[.s1]?.lookedAt == 12)
                #expect(report[.o3]?.lookedAt == 12)
                let text = try await longshore(fleet, [])
                #expect(text.code == 0, "\(text.complaint)")
                #expect(text.output.contains("Every invariant holds."), "\(text.output)")
            }
        }

        @Test("a fleet finds by itself what was broken, repairs it where that is safe, and shows the rest")
        func broken() async throws {
            try await Fleet.run(Fleet.patient) { fleet in
                let api = try await fleet.startAPI()
                let worker = try await fleet.startWorker()
                let images = try await imports(api, fleet, count: 3)
                let stuck = try await breakAll(images, api, fleet)
                for invariant in [Invariant.l1, .q1, .s1, .o3, .o6] {
                    try await eventually(within: .seconds(60)) { try await faults(api, invariant) > 0 }
                }
                try await worker.logged("broken invariant O3")
                #expect(try await api.client.image(stuck).status == "queued")
                // Nothing tells the images that were left alone from before.
                for image in images { #expect(try await api.client.image(image).status == "active") }
                let (report, code) = try await doctor(fleet)
                #expect(code == 1)
                #expect(report[.o3]?.found == 1)
                #expect(report[.o3]?.repaired == 0)
                #expect(report[.o3]?.faults.first?.contains("is missing") == true)
                for invariant in [Invariant.l1, .q1, .s1, .o6] {
                    #expect(report[invariant]?.found == 0, "\(invariant)")
                    #expect(report[invariant]?.foundEver == 1, "\(invariant)")
                }
                let text = try await longshore(fleet, [])
                #expect(text.code == 1)
                #expect(text.output.contains("1 found, 1 not repaired"), "\(text.output)")
            }
        }

        @Test("the doctor finds and repairs by itself what nobody else looks at")
        func alone() async throws {
            try await Fleet.run(Fleet.patient + ["audit.interval=1h", "sweep.interval=1h"]) { fleet in
                let api = try await fleet.startAPI()
                _ = try await fleet.startWorker()
                let images = try await imports(api, fleet, count: 3)
                let stuck = try await breakAll(images, api, fleet)
                let first = try await doctor(fleet)
                #expect(first.code == 1)
                for invariant in Invariant.allCases {
                    let isBroken = [Invariant.l1, .q1, .s1, .o3, .o6].contains(invariant)
                    #expect(first.report[invariant]?.found == (isBroken ? 1 : 0), "\(invariant)")
                }
                #expect(try await api.client.image(stuck).status == "queued")
                let second = try await doctor(fleet)
                #expect(second.report.invariants.filter { $0.found > 0 }.map(\.invariant) == [.o3])
                // Other bytes of the same size are seen by whoever reads them.
                try Data(count: 1 << 20).write(to: try await file(of: images[1], fleet))
                let third = try await doctor(fleet, ["--read", "all"])
                #expect(third.report[.o3]?.found == 2)
                #expect(try await doctor(fleet, ["--read", "1"]).report[.o3]?.lookedAt == 3)
            }
        }

        @Test("a store that does not fit to Redis is shown in the metrics until it is released")
        func held() async throws {
            try await Fleet.run { fleet in
                let api = try await fleet.startAPI()
                _ = try await fleet.startWorker()
                try await eventually(within: .seconds(60)) {
                    try await figure(api, "longshore_store_held{store=\"main\"}") == 0
                }
                _ = try await fleet.ask(RedisCommand("HSET", "{longshore}:control", "sequence", -5))
                try await eventually(within: .seconds(60)) {
                    try await figure(api, "longshore_store_held{store=\"main\"}") == 1
                }
                let ending = try await Program.run(
                    Program.longshore, ["doctor", "--release-store", "main"] + place(fleet))
                #expect(ending.code == 0, "\(ending.complaint)")
                #expect(try await figure(api, "longshore_store_held{store=\"main\"}") == 0)
            }
        }

        @Test("what cannot be looked at is told, and is not called well")
        func unreachable() async throws {
            try await Fleet.run(Fleet.patient) { fleet in
                _ = try await fleet.startAPI()
                let away = ["--store", "main=filesystem:\(fleet.folder.path)/elsewhere"]
                let ending = try await Program.run(
                    Program.longshore,
                    ["doctor", "--deep", "--redis-url", "unix://\(fleet.redis.folder.path)/s"] + away)
                #expect(ending.code == 1)
                #expect(ending.output.contains("not looked at: store 'main'"), "\(ending.output)")
            }
            try await withRedis(Fleet.durable) { redis in
                let ending = try await Program.run(
                    Program.longshore,
                    [
                        "doctor", "--deep", "--redis-url", "unix://\(redis.folder.path)/s", "--store",
                        "main=filesystem:/tmp",
                    ])
                #expect(ending.code == 1)
                #expect(ending.complaint.contains("there is no catalog under {longshore}:"), "\(ending.complaint)")
            }
        }

        // MARK: What the tests do

        private func imports(_ api: Fleet.API, _ fleet: Fleet, count: Int) async throws -> [ImageID] {
            var images: [ImageID] = []
            for number in 0..<count {
                images.append(try await api.client.beginImport(fleet.source.url(SourceImage(seed: number, mib: 1))))
            }
            try await api.client.wait(for: images)
            return images
        }

        /// Breaks L1, Q1, S1, O3 and O6, each once; returns the image that is stuck.
        private func breakAll(_ images: [ImageID], _ api: Fleet.API, _ fleet: Fleet) async throws -> ImageID {
            let stuck = try await api.client.create()
            let task = try await api.client.task(of: images[1])
            let key = try #require(
                try await fleet.ask(RedisCommand("HGET", "{longshore}:image:\(images[2])", "loc:main")).string)
            try FileManager.default.removeItem(at: try await file(of: images[0], fleet))
            let far = Int64(1) << 50
            for reply in try await fleet.ask([
                RedisCommand("SET", "{longshore}:image:\(images[1]):lock", task.id.rawValue),
                RedisCommand("ZADD", "{longshore}:queue:\(task.owner)", 1, task.id.rawValue),
                RedisCommand("HSET", "{longshore}:image:\(stuck)", "status", "importing"),
                // Young by any clock, so that the sweeper does not come first.
                RedisCommand("ZADD", "{longshore}:garbage", far, "main \(key)"),
            ]) {
                if case .error(let error) = reply { throw ServiceFailure("\(error)") }
            }
            return stuck
        }

        private func file(of image: ImageID, _ fleet: Fleet) async throws -> URL {
            let key = try #require(
                try await fleet.ask(RedisCommand("HGET", "{longshore}:image:\(image)", "loc:main")).string)
            return fleet.store.appendingPathComponent("objects/\(key.prefix(2))/\(key)")
        }

        private func figure(_ api: Fleet.API, _ name: String) async throws -> Int {
            let text = try await api.client.send(.GET, "/metrics").text
            let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
            return line?.split(separator: " ").last.flatMap { Int($0) } ?? -1
        }

        private func faults(_ api: Fleet.API, _ invariant: Invariant) async throws -> Int {
            try await figure(api, "longshore_reconciler_faults_total{invariant=\"\(invariant.rawValue)\"}")
        }

        private func place(_ fleet: Fleet) -> [String] {
            ["--redis-url", "unix://\(fleet.redis.folder.path)/s", "--store", "main=filesystem:\(fleet.store.path)"]
        }

        private func longshore(_ fleet: Fleet, _ more: [String]) async throws -> Program.Ending {
            try await Program.run(Program.longshore, ["doctor", "--deep"] + place(fleet) + more)
        }

        private func doctor(_ fleet: Fleet, _ more: [String] = []) async throws -> (report: Report, code: Int32) {
            let ending = try await longshore(fleet, ["--json"] + more)
            let lines = ending.output.split(separator: "\n")
            guard lines.count == 2 else { throw ServiceFailure("the doctor said: \(ending.output)\(ending.complaint)") }
            return (try FleetJSON.decode(Report.self, from: Data(lines[1].utf8)), ending.code)
        }
    }
}
