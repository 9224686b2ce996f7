import DiskImage
import Foundation
import ImportModel
import LongshoreClient
import Testing

@Suite("Sources")
struct SourceTests {
    @Test("URLs and paths are told apart, other schemes are refused")
    func parsing() throws {
        #expect(try ImportSource(parsing: "https://h/a.iso") == .url("https://h/a.iso"))
        #expect(try ImportSource(parsing: "HTTP://h/a.iso") == .url("HTTP://h/a.iso"))
        #expect(try ImportSource(parsing: "file:///tmp/a%20b.raw") == .file(path: "/tmp/a b.raw"))
        #expect(try ImportSource(parsing: "dir/a.raw") == .file(path: "dir/a.raw"))
        for bad in ["ftp://h/a", "http://", "http:///x", ""] {
            #expect(throws: InvalidValue.self) { try ImportSource(parsing: bad) }
        }
    }

    @Test(
        "An image is named after its file, without the extensions of formats and of compression",
        arguments: [
            ("https://h/x/debian-13.2.qcow2?sig=abc", "debian-13.2"), ("https://h/a%20b.img.xz", "a b"),
            ("https://host.example/", "host.example"), ("dir/archive.tar", "archive.tar"), (".qcow2", ".qcow2"),
            ("noextension", "noextension"), ("disk.RAW", "disk"),
        ])
    func names(source: String, name: String) throws {
        #expect(try ImportSource(parsing: source).defaultName == name)
    }

    @Test("A list has a source per line, a name after it, comments and empty lines")
    func list() throws {
        let list = try NamedSource.list(
            "# images\n\nhttps://h/a.iso\r\n  https://h/b.iso   The B image \n/srv/my disk.raw\tMy disk\n")
        #expect(
            list == [
                NamedSource(.url("https://h/a.iso"), name: "a"),
                NamedSource(.url("https://h/b.iso"), name: "The B image"),
                NamedSource(.file(path: "/srv/my disk.raw"), name: "My disk"),
            ])
        #expect(try NamedSource.list("").isEmpty)
    }

    @Test("A bad line is named by its number")
    func badLine() throws {
        let error = #expect(throws: InvalidValue.self) { try NamedSource.list("a.iso\n\nftp://u:p@h/a\n") }
        #expect(error?.message.hasPrefix("line 3: source 'ftp://h/a'") == true)
    }

    @Test("The bytes of a file decide its format, whatever it is called")
    func fileFormat() async throws {
        let qcow2 = Data("QFI\u{FB}".unicodeScalars.map { UInt8($0.value) }) + Data(count: 100)
        try await withFile(qcow2, named: "disk.raw") { path in
            try await FakeService.run { _, client in
                let format = try await FormatProbe.diskFormat(of: .file(path: path), client)
                #expect(format == "qcow2")
            }
        }
    }

    @Test("Without a mark the extension decides only where it can be right")
    func byExtension() throws {
        func decide(_ name: String, _ header: DiskImageFormat?) throws -> String {
            try FormatProbe.decide(.file(path: name), header: header)
        }
        #expect(try decide("disk.img", .unknown) == "raw")
        #expect(try decide("fixed.vhd", .unknown) == "vhd")
        #expect(try decide("disk.qcow2", nil) == "qcow2")
        for (name, header) in [("disk.qcow2", DiskImageFormat.unknown), ("disk", .unknown), ("disk.qed", .qed)] {
            #expect(throws: InvalidValue.self) { try decide(name, header) }
        }
        let error = #expect(throws: InvalidValue.self) { try decide("disk", nil) }
        #expect(error?.message.contains("--disk-format") == true)
    }

    @Test("An URL's first bytes are asked for with a range, and the token stays at home")
    func urlFormat() async throws {
        try await FakeService.run(token: "secret") { service, client in
            service.on("GET /disk", .answer(206, body: "conectix" + String(repeating: "x", count: 600)))
            let url = client.endpoint.base + "/disk"
            #expect(try await FormatProbe.diskFormat(of: .url(url), client) == "vhd")
            let call = try #require(service.calls("GET", "/disk").first)
            #expect(call.headers["range"] == "bytes=0-65535")
            #expect(call.headers["x-auth-token"] == nil)
        }
    }

    @Test("Where an URL cannot be read, its extension decides")
    func unreadableURL() async throws {
        try await FakeService.run { service, client in
            service.on("GET /disk.iso", .answer(403))
            let format = try await FormatProbe.diskFormat(of: .url(client.endpoint.base + "/disk.iso"), client)
            #expect(format == "iso")
            await #expect(throws: InvalidValue.self) {
                try await FormatProbe.diskFormat(of: .url(client.endpoint.base + "/disk"), client)
            }
        }
    }
}
