import FaultHarness
import Foundation
import ImportModel
import NIOHTTP1
import Testing
import TestSupport

extension SystemTests {
    /// What a Glance leaves behind when an import goes wrong, and Longshore must not; the table in docs/image-api.md has
    /// all of it, with the tests of each.
    @Suite struct GlanceFailureTests {
        private static let small = SourceImage(seed: 81, mib: 1)
        /// More than the second store has room for.
        private static let large = SourceImage(seed: 82, mib: 6)
        private static let octets = [("Content-Type", "application/octet-stream")]

        /// A fleet of two stores, of which the second has room for 5 MiB.
        private struct Site {
            let fleet: Fleet
            let client: FleetClient

            func importImage(_ image: ImageID, _ method: String, _ more: String = "") async throws {
                let answer = try await client.send(
                    .POST, "/v2/images/\(image)/import", json: #"{"method": \#(method)\#(more)}"#)
                guard answer.status == 202 else { throw UnexpectedAnswer("import", answer) }
            }

            func fetch(_ image: ImageID, _ source: SourceImage, _ more: String = "") async throws {
                let method = #"{"name": "web-download", "uri": "\#(fleet.source.url(source))"}"#
                try await importImage(image, method, more)
            }

            /// The newest task, once it has failed.
            func failure(of image: ImageID) async throws -> TaskView {
                try await eventually(within: .seconds(60)) { try await client.task(of: image).state == .failure }
                return try await client.task(of: image)
            }

            /// What the image says of its import.
            func lists(_ image: ImageID) async throws -> (importing: String?, failed: String?) {
                let answer = try await client.send(.GET, "/v2/images/\(image)")
                let members = try JSONSerialization.jsonObject(with: answer.body) as? [String: Any]
                return (
                    members?["os_glance_importing_to_stores"] as? String, members?["os_glance_failed_import"] as? String
                )
            }

            func expect(
                _ image: ImageID, in stores: Set<String>, is source: SourceImage,
                _ location: SourceLocation = #_sourceLocation
            ) async throws {
                try await client.wait(for: [image])
                #expect(try await client.image(image).storeNames == stores, sourceLocation: location)
                let data = try await client.send(.GET, "/v2/images/\(image)/file")
                #expect(data.body == source.bytes, sourceLocation: location)
            }
        }

        private func with(_ body: (Site) async throws -> Void) async throws {
            var plan = Fleet.Plan(Fleet.quick + ["lease.max-attempts=2"])
            plan.stores = Fleet.Plan.twoFolders
            try await Fleet.run(plan) { fleet in
                let disk = SmallDisk(mib: 5, store: fleet.folder.appendingPathComponent("second"))
                let worker = try await fleet.startWorker(Fleet.Launch(launcher: disk.founder))
                let api = try await fleet.startAPI(Fleet.Launch(launcher: disk.member(of: worker)))
                try await body(Site(fleet: fleet, client: api.client))
            }
        }

        @Test(
            "web-download, a store fails, all must succeed: all is given back, no store is left in a list, and it can be tried again"
        )
        func oneOfAllFails() async throws {
            try await with { site in
                let image = try await site.client.create()
                try await site.fetch(image, Self.large, #", "all_stores": true"#)
                let task = try await site.failure(of: image)
                #expect(task.result == .attemptsSpent && task.message.contains("second"), "\(task.message)")
                #expect(try await site.client.image(image).status == "queued")
                let lists = try await site.lists(image)
                #expect(lists.importing == "" && lists.failed == "main,second", "\(lists)")
                try await eventually(within: .seconds(60)) { RestCheck.objects(in: site.fleet.store).isEmpty }
                try await site.fetch(image, Self.large)
                try await site.expect(image, in: ["main"], is: Self.large)
            }
        }

        @Test("web-download, all stores fail, one would do: the lock is free at once")
        func allFail() async throws {
            try await with { site in
                let image = try await site.client.create()
                try await site.fetch(image, Self.large, #", "stores": ["second"], "all_stores_must_succeed": false"#)
                #expect(try await site.failure(of: image).result == .attemptsSpent)
                #expect(try await site.client.image(image).status == "queued")
                try await site.fetch(image, Self.small, #", "all_stores": true, "all_stores_must_succeed": false"#)
                try await site.expect(image, in: ["main", "second"], is: Self.small)
            }
        }

        @Test("web-download, some stores fail, one would do: the image is active, and the list says which have failed")
        func someFail() async throws {
            try await with { site in
                let image = try await site.client.create()
                try await site.fetch(image, Self.large, #", "all_stores": true, "all_stores_must_succeed": false"#)
                try await site.expect(image, in: ["main"], is: Self.large)
                let lists = try await site.lists(image)
                #expect(lists.importing == "" && lists.failed == "second", "\(lists)")
            }
        }

        @Test("glance-direct, a store fails: the staged data is kept, and imported where there is room")
        func stagedDataIsKept() async throws {
            try await with { site in
                let image = try await site.client.create()
                let staged = try await site.client.send(
                    .PUT, "/v2/images/\(image)/stage", headers: Self.octets, body: Self.large.bytes)
                #expect(staged.status == 204, "\(staged.text)")
                let direct = #"{"name": "glance-direct"}"#
                try await site.importImage(image, direct, #", "all_stores": true"#)
                #expect(try await site.failure(of: image).result == .attemptsSpent)
                #expect(try await site.client.image(image).status == "uploading")
                let lists = try await site.lists(image)
                #expect(lists.importing == "" && lists.failed == "main,second", "\(lists)")
                try await site.importImage(image, direct)
                try await site.expect(image, in: ["main"], is: Self.large)
            }
        }

        @Test("copy-image, a store fails: the image stays as it is, and another copy may be made")
        func copyFails() async throws {
            try await with { site in
                let image = try await site.client.create()
                try await site.fetch(image, Self.large)
                try await site.expect(image, in: ["main"], is: Self.large)
                for mustSucceed in [true, false] {
                    try await site.importImage(
                        image, #"{"name": "copy-image"}"#,
                        #", "all_stores": true, "all_stores_must_succeed": \#(mustSucceed)"#)
                    #expect(try await site.failure(of: image).result == .attemptsSpent)
                    try await site.expect(image, in: ["main"], is: Self.large)
                    let lists = try await site.lists(image)
                    #expect(lists.importing == "" && lists.failed == "second", "\(lists)")
                }
            }
        }

        @Test("of many imports of one image that are asked for at once, one is taken")
        func duplicates() async throws {
            try await Fleet.run { fleet in
                let client = try await fleet.startAPI().client
                let image = try await client.create()
                let url = fleet.source.url(Self.small)
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<64 { group.addTask { try await client.requestImport(image, url).status } }
                    return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
                }
                #expect(statuses == [202: 1, 409: 63])
                #expect(try await client.tasks(of: image).count == 1)
            }
        }

        @Test("what a user changes while an import runs is kept, and so is what the import finds")
        func changedMeanwhile() async throws {
            try await Fleet.run { fleet in
                let client = try await fleet.startAPI().client
                _ = try await fleet.startWorker()
                let image = try await client.create("before")
                let gate = ImageSource.Fault(kind: .gate, number: 70_000)
                let answer = try await client.requestImport(image, fleet.source.url(Self.small, gate))
                #expect(answer.status == 202)
                try await eventually { try await client.task(of: image).phase == .streaming }
                let patched = try await client.send(
                    .PATCH, "/v2/images/\(image)",
                    headers: [("Content-Type", "application/openstack-images-v2.1-json-patch")],
                    body: Data(
                        #"[{"op": "replace", "path": "/name", "value": "after"}, {"op": "add", "path": "/x", "value": "y"}]"#
                            .utf8))
                #expect(patched.status == 200, "\(patched.text)")
                fleet.source.openGate()
                try await client.wait(for: [image])
                let shown = try await client.send(.GET, "/v2/images/\(image)").body
                let members = try JSONSerialization.jsonObject(with: shown) as? [String: Any]
                #expect(members?["name"] as? String == "after" && members?["x"] as? String == "y")
                #expect(members?["size"] as? Int64 == Self.small.size)
            }
        }

        @Test("a process that dies while data is staged leaves nothing in the way of staging again")
        func diedWhileStaging() async throws {
            try await Fleet.run { fleet in
                let client = try await fleet.startAPI().client
                _ = try await fleet.startWorker()
                for point in [Failpoint.uploadAnswered, .blockWritten, .commitDone] {
                    let image = try await client.create()
                    let doomed = try await fleet.startAPI(
                        .init(environment: [FailpointPlan.variable: "\(point.rawValue)=kill@1"]))
                    let path = "/v2/images/\(image)/stage"
                    // Its connection breaks: that is the answer.
                    let answer = try? await doomed.client.send(
                        .PUT, path, headers: Self.octets, body: Self.large.bytes)
                    #expect(answer == nil, "\(point): \(answer?.text ?? "")")
                    try await eventually { doomed.process.hasExited }
                    try await eventually(within: .seconds(60)) { try await client.image(image).status == "queued" }
                    let again = try await client.send(.PUT, path, headers: Self.octets, body: Self.small.bytes)
                    #expect(again.status == 204, "\(point): \(again.text)")
                    let direct = try await client.send(
                        .POST, "/v2/images/\(image)/import", json: #"{"method": {"name": "glance-direct"}}"#)
                    #expect(direct.status == 202, "\(point): \(direct.text)")
                    try await client.wait(for: [image])
                    #expect(try await client.send(.GET, "/v2/images/\(image)/file").body == Self.small.bytes)
                }
            }
        }
    }
}
