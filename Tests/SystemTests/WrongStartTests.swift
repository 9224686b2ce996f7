import FaultHarness
import Foundation
import ImportModel
import Testing
import TestSupport

extension SystemTests {
    @Suite struct WrongStartTests {
        @Test("a Redis that may lose imports is refused with what to set")
        func redis() async throws {
            let evicting = ["--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "allkeys-lru"]
            let cases: [([String], [String], [String])] = [
                (evicting, ["maxmemory-policy", "allkeys-lru", "noeviction"], []),
                ([], ["appendonly", "CONFIG SET appendonly yes"], ["redis.allow-unsafe"]),
                (
                    ["--appendonly", "yes", "--appendfsync", "everysec"], ["appendfsync", "always"],
                    ["redis.allow-unsafe"]
                ),
            ]
            for (server, words, hints) in cases {
                try await withRedis(server) { redis in
                    for role in ["worker", "api"] {
                        let ending = try await start(role, redis)
                        #expect(ending.code == 1, "\(role): \(ending.complaint)")
                        for word in words + hints { #expect(ending.complaint.contains(word), "\(ending.complaint)") }
                    }
                    let doctor = try await start("doctor", redis)
                    #expect(doctor.code == 1)
                    for word in words { #expect((doctor.output + doctor.complaint).contains(word), "\(doctor.output)") }
                }
            }
            // What is merely unsafe can be asked for; what drops locks cannot.
            try await withRedis(evicting) { redis in
                let ending = try await start("worker", redis, ["--set", "redis.allow-unsafe=true"])
                #expect(ending.code == 1, "\(ending.complaint)")
            }
            try await withRedis([]) { redis in
                let folder = try temporaryDirectory()
                defer { try? FileManager.default.removeItem(at: folder) }  // nothing depends on its going
                let unsafe =
                    arguments("worker", redis, folder) + [
                        "--set", "redis.allow-unsafe=true", "--set", "log.format=json",
                    ]
                let worker = try ServiceProcess("worker", unsafe, folder: folder)
                try await worker.logged("worker is ready")
                try await worker.terminate()
            }
        }

        @Test("a Redis that does not answer is named")
        func absentRedis() async throws {
            let ending = try await Program.run(
                Program.longshore,
                ["worker", "--redis-url", "redis://127.0.0.1:1", "--store", "main=filesystem:/tmp/longshore-none"],
                limit: 60)
            #expect(ending.code == 1, "\(ending.complaint)")
            #expect(ending.complaint.contains("127.0.0.1:1"), "\(ending.complaint)")
        }

        @Test("a port that is taken, a folder that is taken and a setting that is none are told apart")
        func taken() async throws {
            try await Standalone.run { service in
                let port = String(service.client.endpoint.split(separator: ":").last ?? "")
                let other = try temporaryDirectory()
                defer { try? FileManager.default.removeItem(at: other) }  // nothing depends on its going

                let samePort = try await Program.run(
                    Program.longshore, ["standalone", "--data-dir", other.path, "--port", port], limit: 60)
                #expect(samePort.code == 1, "\(samePort.complaint)")
                #expect(samePort.complaint.contains(port), "\(samePort.complaint)")

                let sameFolder = try await Program.run(
                    Program.longshore, Standalone.arguments(service.folder), limit: 60)
                #expect(sameFolder.code == 1, "\(sameFolder.complaint)")
                #expect(sameFolder.complaint.contains("another 'longshore standalone'"), "\(sameFolder.complaint)")

                let unknown = try await Program.run(
                    Program.longshore, ["worker", "--set", "worker.concurency=3"], limit: 60)
                #expect(unknown.code == 2, "\(unknown.complaint)")
                #expect(unknown.complaint.contains("worker.concurrency"), "\(unknown.complaint)")

                let variable = try await Program.run(
                    Program.longshore, ["worker"], environment: ["LONGSHORE_WORKER_CONCURENCY": "3"], limit: 60)
                #expect(variable.code == 2, "\(variable.complaint)")

                let failpoint = try await Program.run(
                    Program.longshore, ["worker"], environment: ["LONGSHORE_FAILPOINTS": "claim=kill"], limit: 60)
                #expect(failpoint.code == 2, "\(failpoint.complaint)")
                #expect(failpoint.complaint.contains("claim.answered"), "\(failpoint.complaint)")

                let noStore = try await Program.run(
                    Program.longshore, ["api", "--redis-url", "unix://\(service.folder.path)/data/redis/redis.sock"],
                    limit: 60)
                #expect(noStore.code == 1 && noStore.complaint.contains("--store"), "\(noStore.complaint)")

                // The first one is none the worse for all that.
                let image = SourceImage(seed: 1, mib: 1)
                try await service.client.wait(for: [try await service.client.beginImport(service.source.url(image))])
            }
        }

        @Test("a standalone that was killed goes on with its data when it is started again")
        func standaloneKilled() async throws {
            try await Standalone.run(Fleet.patient) { service in
                let image = SourceImage(seed: 1, mib: 4)
                let half = ImageSource.Fault(kind: .gate, number: image.size / 2, times: 1)
                let whole = try await service.client.beginImport(service.source.url(image))
                try await service.client.wait(for: [whole])
                let running = try await service.client.beginImport(service.source.url(image, half))
                try await eventually { try await service.client.task(of: running).state == .processing }
                service.process.kill()
                let again = try ServiceProcess(
                    "standalone-again", Standalone.arguments(service.folder, Fleet.patient), folder: service.folder)
                let client = FleetClient(endpoint: try await again.address())
                try await client.wait(for: [whole, running])
                #expect(try await client.task(of: running).attempt == 2)
                // Ends the Redis that the first one had left as well.
                try await again.terminate()
            }
        }

        @Test("a store of another catalog is not touched")
        func foreignStore() async throws {
            try await Fleet.run { fleet in
                try await fleet.startWorker().terminate()
                try await withRedis(["--appendonly", "yes", "--appendfsync", "always"]) { other in
                    let ending = try await start("worker", other, store: fleet.store)
                    #expect(ending.code == 1 && ending.complaint.contains("another catalog"), "\(ending.complaint)")
                }
            }
        }

        private func start(
            _ role: String, _ redis: RedisServer, _ more: [String] = [], store: URL? = nil
        ) async throws -> Program.Ending {
            let folder = try temporaryDirectory()
            defer { try? FileManager.default.removeItem(at: folder) }  // nothing depends on its going
            return try await Program.run(
                Program.longshore, arguments(role, redis, store ?? folder) + more, limit: 60)
        }

        private func arguments(_ role: String, _ redis: RedisServer, _ store: URL) -> [String] {
            [role, "--redis-url", "unix://\(redis.folder.path)/s", "--store", "main=filesystem:\(store.path)"]
                + (role == "api" ? ["--port", "0"] : [])
        }
    }
}
