import Foundation
import Operations
import Testing

@Suite struct DoctorTests {
    @Test func `The report keeps the order, shows remedies under their findings, and counts`() async throws {
        let doctor = Doctor(checks: [
            Check("redis") { .ok("redis://app:secret@127.0.0.1:6379 answers") },
            Check("fsync") { .warning("appendfsync is everysec", remedy: "set appendfsync always") },
            Check("store main") { .failure("/srv/main does not exist", remedy: "make the folder") },
        ])
        let report = await doctor.examine()
        #expect(
            report.text() == """
                ok       redis       redis://***@127.0.0.1:6379 answers
                warning  fsync       appendfsync is everysec
                                     → set appendfsync always
                failure  store main  /srv/main does not exist
                                     → make the folder

                1 of 3 checks failed, 1 warn.

                """)
        #expect(report.exitCode == 1)
        let json = try report.json()
        #expect(json.contains(#"{"finding":"/srv/main does not exist","name":"store main","remedy":"make the folder""#))
        #expect(json.contains(#""failures":1,"warnings":1"#) && !json.contains("secret"))
    }

    @Test func `Warnings alone do not fail`() async {
        let report = await Doctor(checks: [Check("a") { .warning("w", remedy: "r") }]).examine()
        #expect(report.exitCode == 0)
        #expect(report.text().hasSuffix("1 of 1 checks warn.\n"))
    }

    @Test func `A writable folder is well, and the probe is gone afterwards`() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("longshore-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }  // A leftover in the temporary folder is harmless.
        let result = await Check.writableFolder("data", path: folder.path).run()
        #expect(result.verdict != .failure)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test func `A folder that is missing or is a file fails with a remedy`() async throws {
        let file = try TemporaryFile("")
        for path in ["/nonexistent/folder", file.path] {
            let result = await Check.writableFolder("data", path: path).run()
            #expect(result.verdict == .failure && result.remedy != nil)
        }
    }

    @Test func `A port that is taken fails, and is well once it is free`() async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, length) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, generic, &length) == 0
            }
        }
        try #require(bound)
        let port = Int(UInt16(bigEndian: address.sin_port))
        let taken = await Check.portFree(host: "127.0.0.1", port: port).run()
        #expect(taken.verdict == .failure && taken.remedy?.contains("api.port") == true)
        close(descriptor)
        #expect(await Check.portFree(host: "127.0.0.1", port: 0).run().verdict == .ok)
        #expect(await Check.portFree(host: "not an address", port: 1).run().verdict == .failure)
    }

    @Test func `A clock of another century fails`() async {
        #expect(await Check.clock().run().verdict == .ok)
        #expect(await Check.clock(now: { Date(timeIntervalSince1970: 0) }).run().verdict == .failure)
    }

    @Test func `Too low a limit of open files warns`() async {
        #expect(await Check.openFilesLimit(atLeast: 1).run().verdict == .ok)
        #expect(await Check.openFilesLimit(atLeast: .max - 1).run().verdict != .failure)
    }
}
