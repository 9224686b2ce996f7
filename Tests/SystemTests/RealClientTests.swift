import FaultHarness
import Foundation
import ImportModel
import Testing
import TestSupport

extension SystemTests {
    /// The OpenStack clients as they come from PyPI, unmodified.
    @Suite struct RealClientTests {
        @Test("the openstack client imports, looks at, changes, downloads and deletes images")
        func openstack() async throws {
            try await Standalone.run { service in
                let client = PythonClient.openstack(service)
                let image = SourceImage(seed: 11, mib: 3)

                let created = try await client.json([
                    "image", "create", "web", "--disk-format", "raw", "--container-format", "bare", "-f", "json",
                ])
                let id = try ImageID(text: created["id"])
                #expect(created["status"] as? String == "queued")
                _ = try await client.run([
                    "image", "import", id.rawValue, "--method", "web-download", "--uri", service.source.url(image),
                ])
                try await service.client.wait(for: [id])
                let shown = try await client.json(["image", "show", "web", "-f", "json"])
                #expect(shown["status"] as? String == "active" && shown["size"] as? Int == 3 << 20)

                let tasks = try await client.run(["image", "task", "list", "-f", "json"])
                #expect(tasks.contains("success"), "\(tasks)")

                let file = service.folder.appendingPathComponent("staged.raw")
                let other = SourceImage(seed: 12, mib: 2)
                try other.bytes.write(to: file)
                let direct = try ImageID(
                    text: try await client.json([
                        "image", "create", "direct", "--disk-format", "raw", "--container-format", "bare", "-f", "json",
                    ])["id"])
                _ = try await client.run(["image", "stage", direct.rawValue, "--file", file.path])
                #expect(try await service.client.image(direct).status == "uploading")
                _ = try await client.run(["image", "import", direct.rawValue, "--method", "glance-direct"])
                try await service.client.wait(for: [direct])

                let uploaded = try ImageID(
                    text: try await client.json([
                        "image", "create", "uploaded", "--disk-format", "raw", "--container-format", "bare", "--file",
                        file.path, "-f", "json",
                    ])["id"])
                #expect(try await service.client.image(uploaded).status == "active")
                for (name, source) in [("web", image), ("direct", other), ("uploaded", other)] {
                    let saved = service.folder.appendingPathComponent("\(name).saved")
                    _ = try await client.run(["image", "save", name, "--file", saved.path])
                    #expect(try source.difference(from: saved) == nil)
                }

                _ = try await client.run([
                    "image", "set", "web", "--property", "os_distro=debian", "--tag", "prod", "--min-disk", "3",
                ])
                let changed = try await client.json(["image", "show", "web", "-f", "json"])
                #expect((changed["properties"] as? [String: Any])?["os_distro"] as? String == "debian")
                #expect(changed["tags"] as? [String] == ["prod"] && changed["min_disk"] as? Int == 3)
                _ = try await client.run(["image", "unset", "web", "--property", "os_distro"])
                let list = try await client.run(["image", "list", "--sort", "name:asc", "-f", "value", "-c", "Name"])
                #expect(list.split(separator: "\n") == ["direct", "uploaded", "web"])
                #expect(
                    try await client.run(["image", "list", "--tag", "prod", "-f", "value", "-c", "Name"]) == "web\n")
                _ = try await client.run(["image", "unset", "web", "--tag", "prod"])
                #expect(try await client.json(["image", "show", "web", "-f", "json"])["tags"] as? [String] == [])
                let again = try await client.attempt(["image", "unset", "web", "--tag", "prod"])
                #expect(again.code != 0 && !again.complaint.contains("Traceback"), "\(again.complaint)")
                _ = try await client.run(["image", "set", "web", "--deactivate"])
                #expect(try await service.client.image(id).status == "deactivated")
                _ = try await client.run(["image", "set", "web", "--activate"])
                #expect(try await service.client.image(id).status == "active")
                // Before it adds a project, this client asks Keystone for it.
                let glance = PythonClient.glance(service)
                _ = try await glance.run(["member-create", id.rawValue, "friend"])
                let members = try await client.run(["image", "member", "list", "web", "-f", "value"])
                #expect(members == "\(id) friend pending\n")
                let shared = try await client.run([
                    "image", "list", "--shared", "--member-status", "all", "-f", "value", "-c", "Name",
                ])
                #expect(shared.contains("web"))

                _ = try await client.run(["image", "set", "web", "--protected"])
                let refused = try await client.attempt(["image", "delete", "web"])
                #expect(refused.code != 0 && refused.complaint.contains("protected"), "\(refused.complaint)")
                _ = try await client.run(["image", "set", "web", "--unprotected"])
                _ = try await client.run(["image", "delete", "web", "direct", "uploaded"])
                #expect(try await client.run(["image", "list", "-f", "value"]).isEmpty)
                try await eventually(within: .seconds(150)) { RestCheck.objects(in: service.store).isEmpty }
            }
        }

        @Test("what the openstack client stages or has fetched is converted, and gets the operator's properties")
        func plugins() async throws {
            let settings = [
                "import.plugins=inject,convert", "import.inject=os_distro=debian", "import.inject-ignored-roles=",
            ]
            try await Standalone.run(Fleet.quick + settings) { service in
                let client = PythonClient.openstack(service)
                let image = SourceImage(seed: 13, mib: 3)
                let raw = service.folder.appendingPathComponent("image.raw")
                let qcow2 = service.folder.appendingPathComponent("image.qcow2")
                try image.bytes.write(to: raw)
                let made = try await Program.run(
                    "/usr/bin/qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw.path, qcow2.path])
                #expect(made.code == 0, "\(made.complaint)")
                let id = try ImageID(
                    text: try await client.json([
                        "image", "create", "staged", "--disk-format", "qcow2", "--container-format", "bare", "-f",
                        "json",
                    ])["id"])
                _ = try await client.run(["image", "stage", id.rawValue, "--file", qcow2.path])
                _ = try await client.run(["image", "import", id.rawValue, "--method", "glance-direct"])
                try await service.client.wait(for: [id])
                let shown = try await client.json(["image", "show", "staged", "-f", "json"])
                #expect(shown["disk_format"] as? String == "raw" && shown["size"] as? Int == 3 << 20)
                #expect((shown["properties"] as? [String: Any])?["os_distro"] as? String == "debian")
                let saved = service.folder.appendingPathComponent("saved.raw")
                _ = try await client.run(["image", "save", "staged", "--file", saved.path])
                #expect(try image.difference(from: saved) == nil)
                // Uploads are as they come.
                _ = try await client.run([
                    "image", "create", "uploaded", "--disk-format", "qcow2", "--container-format", "bare", "--file",
                    qcow2.path,
                ])
                let uploaded = try await client.json(["image", "show", "uploaded", "-f", "json"])
                #expect(uploaded["disk_format"] as? String == "qcow2")
            }
        }

        @Test("the glance client imports by both methods in one go, and does all else that it can")
        func glance() async throws {
            try await Standalone.run { service in
                let client = PythonClient.glance(service)
                let image = SourceImage(seed: 21, mib: 3)
                let formats = ["--disk-format", "raw", "--container-format", "bare"]

                let methods = try await client.run(["import-info"])
                #expect(methods.contains("web-download") && methods.contains("direct"))
                #expect(try await client.run(["stores-info"]).contains("main"))

                let web = try client.id(
                    of: try await client.run(
                        [
                            "image-create-via-import", "--name", "web", "--import-method", "web-download", "--uri",
                            service.source.url(image),
                        ] + formats))
                try await service.client.wait(for: [web])
                let file = service.folder.appendingPathComponent("staged.raw")
                let other = SourceImage(seed: 22, mib: 2)
                try other.bytes.write(to: file)
                let direct = try client.id(
                    of: try await client.run(
                        [
                            "image-create-via-import", "--name", "direct", "--import-method", "glance-direct", "--file",
                            file.path,
                        ] + formats))
                try await service.client.wait(for: [direct])

                // Step by step.
                let steps = try client.id(of: try await client.run(["image-create", "--name", "steps"] + formats))
                _ = try await client.run(["image-stage", "--file", file.path, steps.rawValue])
                _ = try await client.run(["image-import", "--import-method", "glance-direct", steps.rawValue])
                try await service.client.wait(for: [steps])
                let uploaded = try client.id(
                    of: try await client.run(["image-create", "--name", "uploaded", "--file", file.path] + formats))
                #expect(try await service.client.image(uploaded).status == "active")

                for (id, source) in [(web, image), (direct, other), (steps, other), (uploaded, other)] {
                    let saved = service.folder.appendingPathComponent("\(id).saved")
                    _ = try await client.run(["image-download", "--file", saved.path, id.rawValue])
                    #expect(try source.difference(from: saved) == nil)
                }
                #expect(try await client.run(["image-tasks", web.rawValue]).contains("success"))
                #expect(try await client.run(["task-list"]).contains("success"))
                #expect(try await client.run(["image-show", web.rawValue]).contains("active"))

                _ = try await client.run(["image-update", "--property", "os_distro=debian", web.rawValue])
                let shown = try await client.run(["image-show", web.rawValue])
                #expect(shown.contains("debian"))
                _ = try await client.run(["image-update", "--remove-property", "os_distro", web.rawValue])
                let (id, member) = (steps.rawValue, "a-project")
                _ = try await client.run(["image-tag-update", id, "prod"])
                #expect(try await client.run(["image-show", id]).contains("prod"))
                _ = try await client.run(["image-tag-delete", id, "prod"])
                #expect(!(try await client.run(["image-show", id])).contains("prod"))
                _ = try await client.run(["image-deactivate", id])
                #expect(try await client.run(["image-show", id]).contains("deactivated"))
                _ = try await client.run(["image-reactivate", id])
                #expect(try await service.client.image(steps).status == "active")
                #expect(try await client.run(["member-create", id, member]).contains("pending"))
                #expect(try await client.run(["member-update", id, member, "accepted"]).contains("accepted"))
                #expect(try await client.run(["member-get", id, member]).contains("accepted"))
                #expect(try await client.run(["member-list", "--image-id", id]).contains(member))
                let twice = try await client.attempt(["member-create", id, member])
                #expect(twice.code != 0 && !twice.complaint.contains("Traceback"), "\(twice.complaint)")
                _ = try await client.run(["member-delete", id, member])
                #expect(!(try await client.run(["member-list", "--image-id", id])).contains(member))

                let list = try await client.run(["image-list"])
                #expect(["web", "direct", "steps", "uploaded"].allSatisfy { list.contains("| \($0)") }, "\(list)")

                let refused = try await client.attempt([
                    "image-import", "--import-method", "web-download", "--uri", "ftp://127.0.0.1/x", steps.rawValue,
                ])
                #expect(refused.code != 0 && !refused.complaint.contains("Traceback"), "\(refused.complaint)")
                _ = try await client.run([
                    "image-delete", web.rawValue, direct.rawValue, steps.rawValue, uploaded.rawValue,
                ])
                #expect(!(try await client.run(["image-list"])).contains("web"))
                try await eventually(within: .seconds(150)) { RestCheck.objects(in: service.store).isEmpty }
            }
        }

        @Test("openstacksdk has every method of its image proxy answered, and those that are not served refused")
        func sdk() async throws {
            try await Standalone.run { service in
                let ending = try await PythonClient.sdk(service).attempt([
                    service.client.endpoint, service.source.url(SourceImage(seed: 41, mib: 2)),
                ])
                #expect(ending.code == 0, "\(ending.complaint.suffix(4000))")
                #expect((Int(ending.output.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0) > 40)
                try await eventually(within: .seconds(150)) { RestCheck.objects(in: service.store).isEmpty }
            }
        }
    }
}
