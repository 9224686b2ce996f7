import FaultHarness
import Foundation
import ImportModel
import Testing
import TestSupport

extension SystemTests {
    /// The OpenStack clients, and a service with two stores, of which the second has hardly any room.
    @Suite struct SeveralStoresTests {
        private static let small = SourceImage(seed: 71, mib: 1)
        private static let large = SourceImage(seed: 72, mib: 6)
        private static let create = [
            "image", "create", "--disk-format", "raw", "--container-format", "bare", "-f", "json",
        ]

        private struct Site {
            let fleet: Fleet
            let api: FleetClient
            let openstack: PythonClient
            let glance: PythonClient

            func create(_ name: String) async throws -> ImageID {
                try ImageID(text: try await openstack.json(SeveralStoresTests.create + [name])["id"])
            }

            /// Asks by the openstack client for an import from the web.
            func fetch(_ image: ImageID, _ source: SourceImage, _ more: [String]) async throws {
                let words = ["image", "import", image.rawValue, "--method", "web-download"]
                _ = try await openstack.run(words + ["--uri", fleet.source.url(source)] + more)
            }

            /// The newest task, once it has ended.
            func ended(_ image: ImageID) async throws -> TaskView {
                try await eventually(within: .seconds(60)) { try await api.task(of: image).state.isTerminal }
                return try await api.task(of: image)
            }

            func expect(
                _ image: ImageID, in stores: Set<String>, is source: SourceImage,
                _ location: SourceLocation = #_sourceLocation
            ) async throws {
                let shown = try await api.image(image)
                #expect(shown.status == "active" && shown.storeNames == stores, sourceLocation: location)
                let saved = fleet.folder.appendingPathComponent("\(image).saved")
                _ = try await openstack.run(["image", "save", image.rawValue, "--file", saved.path])
                #expect(try source.difference(from: saved) == nil, sourceLocation: location)
            }
        }

        private func with(_ body: (Site) async throws -> Void) async throws {
            var plan = Fleet.Plan(Fleet.quick + ["lease.max-attempts=2"])
            plan.stores = Fleet.Plan.twoFolders
            try await Fleet.run(plan) { fleet in
                let disk = SmallDisk(mib: 5, store: fleet.folder.appendingPathComponent("second"))
                let worker = try await fleet.startWorker(Fleet.Launch(launcher: disk.founder))
                let api = try await fleet.startAPI(Fleet.Launch(launcher: disk.member(of: worker))).client
                try await body(
                    Site(
                        fleet: fleet, api: api, openstack: .openstack(api, home: fleet.folder),
                        glance: .glance(api, home: fleet.folder)))
            }
        }

        @Test(
            "an import into all stores goes into all or into none, or does without those that fail, as it was asked to")
        func imports() async throws {
            try await with { site in
                let both = try await site.create("both")
                try await site.fetch(both, Self.small, ["--all-stores", "--disallow-failure"])
                try await site.api.wait(for: [both])
                try await site.expect(both, in: ["main", "second"], is: Self.small)

                let large = try await site.create("large")
                try await site.fetch(large, Self.large, ["--all-stores", "--disallow-failure"])
                let refused = try await site.ended(large)
                #expect(refused.result == .attemptsSpent && refused.message.contains("second"), "\(refused.message)")
                #expect(try await site.api.image(large).status == "queued")

                try await site.fetch(large, Self.large, ["--all-stores", "--allow-failure"])
                try await site.api.wait(for: [large])
                try await site.expect(large, in: ["main"], is: Self.large)
                let failed = try await site.openstack.run(["image", "show", "large", "-f", "json"])
                #expect(failed.contains(#""os_glance_failed_import": "second""#), "\(failed)")

                let named = try await site.create("named")
                try await site.fetch(named, Self.small, ["--store", "second"])
                try await site.api.wait(for: [named])
                try await site.expect(named, in: ["second"], is: Self.small)
            }
        }

        @Test("an active image is copied to the stores that lack it, and stays as it is where that fails")
        func copies() async throws {
            try await with { site in
                let copied = try await site.create("copied")
                try await site.fetch(copied, Self.small, ["--store", "main"])
                try await site.api.wait(for: [copied])
                _ = try await site.openstack.run([
                    "image", "import", copied.rawValue, "--method", "copy-image", "--all-stores", "--disallow-failure",
                ])
                #expect(try await site.ended(copied).result == .success)
                try await site.expect(copied, in: ["main", "second"], is: Self.small)

                let other = try await site.create("other")
                try await site.fetch(other, Self.small, ["--store", "second"])
                try await site.api.wait(for: [other])
                _ = try await site.glance.run([
                    "image-import", "--import-method", "copy-image", "--stores", "main", "--allow-failure", "False",
                    other.rawValue,
                ])
                #expect(try await site.ended(other).result == .success)
                try await site.expect(other, in: ["main", "second"], is: Self.small)
                let again = try await site.glance.attempt([
                    "image-import", "--import-method", "copy-image", "--stores", "main", other.rawValue,
                ])
                #expect(again.code != 0 && again.complaint.contains("already present"), "\(again.complaint)")

                let large = try await site.create("large")
                try await site.fetch(large, Self.large, ["--store", "main"])
                try await site.api.wait(for: [large])
                for words in [["--store", "second", "--disallow-failure"], ["--all-stores", "--allow-failure"]] {
                    let copy = ["image", "import", large.rawValue, "--method", "copy-image"]
                    _ = try await site.openstack.run(copy + words)
                    let refused = try await site.ended(large)
                    #expect(refused.result == .attemptsSpent && refused.message.contains("second"), "\(refused)")
                    try await site.expect(large, in: ["main"], is: Self.large)
                }
                let check = RestCheck(fleet: site.fleet)
                #expect(try await check.faults() == [])
            }
        }
    }
}
