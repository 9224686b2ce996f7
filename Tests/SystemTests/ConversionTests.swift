import FaultHarness
import Foundation
import Glibc
import ImportModel
import NIOHTTP1
import Testing
import TestSupport

extension SystemTests {
    @Suite struct ConversionTests {
        private static let settings = Fleet.quick + ["import.plugins=convert", "import.convert-to=qcow2"]

        @Test("a worker that is killed while it converts leaves no process and no file, and another one converts")
        func killed() async throws {
            try await Fleet.run(Self.settings) { fleet in
                let tools = fleet.folder.appendingPathComponent("tools")
                let place = fleet.folder.appendingPathComponent("group")
                let scratch = fleet.folder.appendingPathComponent("scratch")
                for folder in [tools, scratch] {
                    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
                }
                // A converter that never comes to its end, with a process of its own.
                let program = tools.appendingPathComponent("qemu-img")
                try Data(
                    "#!/bin/sh\nsleep 1000 &\necho $$ >\(place.path).new; mv \(place.path).new \(place.path)\nwait\n"
                        .utf8
                )
                .write(to: program)
                try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program.path)
                let api = try await fleet.startAPI()
                let first = try await fleet.startWorker(
                    Fleet.Launch(
                        ["--set", "import.scratch=\(scratch.path)"],
                        environment: ["PATH": "\(tools.path):/usr/bin:/bin"]))
                let image = SourceImage(seed: 61, mib: 2)
                let id = try await api.client.beginImport(fleet.source.url(image))
                try await eventually(within: .seconds(50)) { FileManager.default.fileExists(atPath: place.path) }
                try await eventually { try await api.client.task(of: id).phase == .converting }
                first.kill()
                let text = try String(contentsOf: place, encoding: .utf8)
                let converter = try #require(pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)))
                try await eventually { !FileManager.default.fileExists(atPath: "/proc/\(converter)/exe") }
                #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
                _ = try await fleet.startWorker(["--set", "import.scratch=\(scratch.path)"])
                try await api.client.wait(for: [id])
                let file = fleet.folder.appendingPathComponent("image.qcow2")
                try await api.client.send(.GET, "/v2/images/\(id)/file").body.write(to: file)
                let raw = fleet.folder.appendingPathComponent("image.raw")
                let end = try await Program.run(
                    "/usr/bin/qemu-img", ["convert", "-f", "qcow2", "-O", "raw", file.path, raw.path])
                #expect(end.code == 0, "\(end.complaint)")
                #expect(try image.difference(from: raw) == nil)
                #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
            }
        }

        @Test("a scratch folder that is full is told, and costs nothing but attempts")
        func full() async throws {
            try await Fleet.run(Self.settings + ["lease.max-attempts=2", "retry.base=10ms"]) { fleet in
                let api = try await fleet.startAPI()
                // A folder of one MiB that only this worker sees.
                let mount = #"mount -t tmpfs -o size=1m none /var/tmp && exec "$@""#
                _ = try await fleet.startWorker(
                    Fleet.Launch(launcher: ["unshare", geteuid() == 0 ? "-m" : "-rm", "sh", "-c", mount, "sh"]))
                let id = try await api.client.beginImport(fleet.source.url(SourceImage(seed: 62, mib: 2)))
                try await eventually(within: .seconds(50)) { try await api.client.task(of: id).state == .failure }
                let task = try await api.client.task(of: id)
                #expect(task.result == .attemptsSpent && task.message.contains("import.scratch"), "\(task.message)")
            }
        }
    }
}
