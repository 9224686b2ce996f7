import ImportModel
import LongshoreClient
import Testing

@Suite("Text for a terminal")
struct TextTests {
    @Test("Escape sequences and control characters of others never reach the terminal")
    func controlCharacters() {
        #expect(SafeText.line("a\u{1B}[31mred\u{1B}[0m") == "ared")
        #expect(SafeText.line("x\u{1B}]0;title\u{07}y\u{1B}]8;;http://a\u{1B}\\z") == "xyz")
        #expect(SafeText.line("\u{1B}(0a\u{9B}2Jb\u{7F}\u{0}\u{8}") == "ab")
        #expect(SafeText.line("one\ntwo\tthree\r") == "one two three ")
        #expect(SafeText.line("exe\u{202E}gpj.\u{200B}\u{FEFF}") == "exegpj.")
        #expect(SafeText.line("\u{1B}") == "")
        #expect(SafeText.line("\u{1B}[") == "")
        #expect(SafeText.line("\u{1B}]never ends") == "")
        #expect(SafeText.line("Größe 日本") == "Größe 日本")
    }

    @Test("The provenance of an image is shown line by line, and what is not known is left out")
    func provenance() throws {
        var provenance = Provenance(
            urls: ["https://a.example/x", "https://b.example/y"], address: "192.0.2.1:443",
            certificate: .init(sha256: "ab", subject: "CN=b.example", issuer: "CN=\u{1B}[31mroot"), etag: nil,
            lastModified: nil, sizeBytes: 1000, beganAtMs: 0, endedAtMs: 2000, checksum: "md5:00", checksumUrl: nil,
            signers: [])
        let lines = FleetDetails.provenance(provenance, nowMs: 5000, paint: .none)
        #expect(lines.count == 7)
        #expect(lines[0].hasSuffix("https://a.example/x") && lines[0].hasPrefix("fetched from"))
        #expect(lines[1].hasSuffix("https://b.example/y") && lines[1].hasPrefix("redirected to"))
        #expect(lines[3].hasSuffix("CN=b.example, by CN=\u{FFFD}[31mroot"))
        #expect(lines[5].contains("1000 B in 2"), "\(lines[5])")
        provenance.signers = ["0123", "4567"]
        #expect(FleetDetails.provenance(provenance, nowMs: 5000, paint: .none).last?.hasSuffix("0123, 4567") == true)
    }

    @Test("Wide characters take two columns, combining ones none")
    func width() {
        #expect(SafeText.width("abc") == 3)
        #expect(SafeText.width("日本") == 4)
        #expect(SafeText.width("e\u{301}") == 1)
        #expect(SafeText.fit("日本", to: 5) == "日本 ")
        #expect(SafeText.fit("7", to: 3, right: true) == "  7")
    }

    @Test("What is cut shows it and keeps to the width")
    func truncation() {
        #expect(SafeText.truncate("abcdef", to: 4) == "abc…")
        #expect(SafeText.truncate("abcd", to: 4) == "abcd")
        #expect(SafeText.truncate("日本語", to: 4) == "日…")
        #expect(SafeText.truncate("abc", to: 0) == "")
        for width in 0..<10 { #expect(SafeText.width(SafeText.truncate("a日b本c", to: width)) <= width) }
    }

    @Test("URLs are shown without credentials, query and fragment")
    func urls() {
        #expect(SafeText.url("https://me:secret@example.org/a/b.qcow2?sig=1#x") == "https://example.org/a/b.qcow2")
        #expect(SafeText.url("https://a:b@c@host/x") == "https://host/x")
        #expect(SafeText.url("http://host/a@b") == "http://host/a@b")
        #expect(SafeText.url("http://h/\u{1B}[2Jx") == "http://h/x")
        #expect(SafeText.url("") == "")
        // An accent makes another character of the mark before it, and no other mark.
        #expect(SafeText.url("https://me:secret@\u{301}host/a?\u{301}sig=1") == "https://\u{301}host/a")
    }

    @Test("Sizes are rounded as people round")
    func sizes() {
        #expect(HumanUnits.bytes(0) == "0 B")
        #expect(HumanUnits.bytes(1023) == "1023 B")
        #expect(HumanUnits.bytes(4096) == "4.0 KiB")
        #expect(HumanUnits.bytes(1_048_575) == "1.0 MiB")
        #expect(HumanUnits.bytes(1_610_612_736) == "1.5 GiB")
        #expect(HumanUnits.bytes(.max) == "8.0 EiB")
        #expect(HumanUnits.bytes(-5) == "0 B")
    }

    @Test("Times are given in two units at most")
    func durations() {
        #expect(HumanUnits.duration(seconds: 0.4) == "0s")
        #expect(HumanUnits.duration(seconds: 59) == "59s")
        #expect(HumanUnits.duration(seconds: 192) == "3m 12s")
        #expect(HumanUnits.duration(seconds: 7500) == "2h 05m")
        #expect(HumanUnits.duration(seconds: 273_600) == "3d 4h")
        #expect(HumanUnits.duration(seconds: -3) == "0s")
        #expect(HumanUnits.duration(seconds: .nan) == "0s")
        #expect(HumanUnits.duration(seconds: .infinity) == "ages")
        #expect(HumanUnits.age(sinceMs: .min, nowMs: .max) == "ages")
        #expect(HumanUnits.time(ms: 0) == "1970-01-01 00:00:00Z")
    }

    @Test("A table aligns its columns, numbers to the right, and ends no line with blanks")
    func table() {
        var table = TextTable(["NAME", "SIZE", "NOTE"], rightAligned: [1])
        table.add(["a", "10", "fine"])
        table.add(["日本", "9", ""])
        table.add(["with\u{1B}[2J", "1234567", "x"])
        #expect(
            table.lines(.none) == [
                "NAME     SIZE  NOTE", "a          10  fine", "日本        9", "with  1234567  x",
            ])
    }

    @Test("Colours are there only where they are wanted")
    func colours() {
        #expect(Paint(isColoured: true)("ok", .good) == "\u{1B}[32mok\u{1B}[0m")
        #expect(Paint.none("ok", .good) == "ok")
    }

    @Test("JSON for programs holds nothing that a terminal obeys")
    func jsonLines() throws {
        #expect(try JSONLine.text(["a": "\u{1B}[2J\u{9B}\u{202E}\n"]) == #"{"a":"\u001b[2J\u009b\u202e\n"}"#)
    }
}
