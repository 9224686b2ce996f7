import FaultHarness
import Foundation
import ImportModel
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    @Suite struct AbsentStoreTests {
        @Test("a store that is down keeps no process from starting, and is used once it is there")
        func downAtStart() async throws {
            try await withFleet { fleet, proxy, keys in
                // A store is set up at a start that finds it.
                try await fleet.startWorker(keys).terminate()
                proxy.isDown = true
                let api = try await fleet.startAPI(keys)
                let worker = try await fleet.startWorker(keys)
                let line = try await worker.logged("store 'bucket' cannot be used now")
                #expect(line.level == "error")
                let readiness = try await api.client.send(.GET, "/readyz")
                #expect(readiness.status == 200 && readiness.text.contains("store 'bucket'"), "\(readiness.text)")
                for process in try await api.client.workers() { #expect(process.stores.map(\.rawValue) == ["main"]) }

                // The other store is as good as ever.
                let image = SourceImage(seed: 1, mib: 1)
                let there = try await api.client.beginImport(fleet.source.url(image))
                try await api.client.wait(for: [there])
                let upload = try await api.client.create()
                let refused = try await api.client.send(
                    .PUT, "/v2/images/\(upload)/file",
                    headers: [("Content-Type", "application/octet-stream"), ("X-Image-Meta-Store", "bucket")],
                    body: image.bytes)
                #expect(refused.status == 503, "\(refused.status) \(refused.text)")

                let both = try await api.client.create()
                let json = #"""
                    {"method": {"name": "web-download", "uri": "\#(fleet.source.url(image))"}, "all_stores": true}
                    """#
                let order = try await api.client.send(.POST, "/v2/images/\(both)/import", json: json)
                #expect(order.status == 202, "\(order.text)")
                proxy.isDown = false
                try await api.client.wait(for: [both])
                try await eventually(within: .seconds(60)) {
                    let stores = try await api.client.workers().map { Set($0.stores.map(\.rawValue)) }
                    return stores == Array(repeating: ["main", "bucket"], count: 2)
                }
                #expect(try await api.client.send(.GET, "/readyz").status == 200)
            }
        }

        @Test("a store that comes without a marker is not set up by a process that runs, but by the next one")
        func withoutMarker() async throws {
            try await withFleet { fleet, proxy, keys in
                proxy.isDown = true
                let worker = try await fleet.startWorker(keys)
                try await worker.logged("store 'bucket' cannot be used now")
                proxy.isDown = false
                try await eventually(within: .seconds(60)) { worker.text.contains("it has no marker") }
                let next = try await fleet.startWorker(keys)
                #expect(next.text.contains("store 'bucket' is new"), "\(next.text)")
                try await worker.logged("store 'bucket' is there")
            }
        }

        @Test(
            "a folder that was a store, and is bare, is taken for one that is not mounted, and only the doctor sets it up"
        )
        func notMounted() async throws {
            try await Fleet.run(Fleet.Plan(Fleet.patient)) { fleet in
                try await fleet.startWorker().terminate()
                try FileManager.default.moveItem(at: fleet.store, to: fleet.folder.appendingPathComponent("mounted"))
                for isThere in [false, true] {
                    if isThere {
                        try FileManager.default.createDirectory(at: fleet.store, withIntermediateDirectories: false)
                    }
                    let worker = try fleet.beginWorker(Fleet.Launch(mayDie: true))
                    try await eventually(within: .seconds(60)) { worker.hasExited }
                    #expect(worker.text.contains("it has no marker, and it had one"), "\(worker.text)")
                    let found = FileManager.default.enumerator(atPath: fleet.store.path)?.allObjects ?? []
                    #expect(found.isEmpty)
                }
                let sick = try await Program.run(Program.longshore, doctor(fleet))
                #expect(sick.code != 0 && sick.output.contains("it had one"), "\(sick.output)")
                let released = try await Program.run(
                    Program.longshore, doctor(fleet) + ["--release-store", "main"])
                #expect(released.output.contains("is set up again"), "\(released.output)\(released.complaint)")
                try await fleet.startWorker().terminate()
            }
        }

        @Test("a store that does not know the credentials keeps a process from starting")
        func wrongCredentials() async throws {
            try await withFleet { fleet, _, keys in
                var wrong = keys
                wrong.environment["AWS_SECRET_ACCESS_KEY"] = "another one"
                wrong.mayDie = true
                let worker = try fleet.beginWorker(wrong)
                try await eventually(within: .seconds(60)) { worker.hasExited }
                #expect(worker.text.contains("store 'bucket'"), "\(worker.text)")
            }
        }

        private func doctor(_ fleet: Fleet) -> [String] {
            [
                "doctor", "--redis-url", "unix://\(fleet.redis.folder.path)/s", "--store",
                "main=filesystem:\(fleet.store.path)",
            ]
        }

        /// A fleet with a folder, and a bucket behind a proxy.
        private func withFleet(
            _ body: (Fleet, S3FaultProxy, Fleet.Launch) async throws -> Void
        ) async throws {
            let server = try await S3Server.start(.seaweedFS)
            defer { server.stop() }
            let proxy = try await S3FaultProxy(to: server.endpoint, random: SeededRandom(seed: 1))
            var plan = Fleet.Plan(Fleet.patient)
            let place = "\(proxy.endpoint)/\(S3Server.bucket)/fleet?path-style=true"
            plan.stores = { ["main=filesystem:\($0.path)/store", "bucket=s3:\(place)"] }
            do {
                try await Fleet.run(plan) { try await body($0, proxy, Fleet.Launch(environment: S3Server.environment)) }
            } catch {
                try await proxy.stop()
                throw error
            }
            try await proxy.stop()
        }
    }
}
