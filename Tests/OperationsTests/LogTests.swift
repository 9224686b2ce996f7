import Foundation
import Logging
import Operations
import Synchronization
import Testing

@Suite struct LogTests {
    @Test(arguments: [
        ("see https://example.org/a.iso for more", "see https://example.org/a.iso for more"),
        ("GET https://me:secret@example.org/a", "GET https://***@example.org/a"),
        ("x https://example.org/a?X-Amz-Signature=secret y", "x https://example.org/a?*** y"),
        ("'http://example.org/#token=secret'", "'http://example.org/#***'"),
        ("redis://:secret@[::1]:6379/0", "redis://***@[::1]:6379/0"),
        ("redis://u:se/cret@h:1/0", "redis://***@h:1/0"),
        ("redis://u:se?cret@h:1/0", "redis://***@h:1/0"),
        ("https://[::1]:80/a?b ftp://u@h/c", "https://[::1]:80/a?*** ftp://***@h/c"),
        ("https://example.org/@scope/a", "https://example.org/@scope/a"),
        ("GET https://me:secret@\u{301}h/a?\u{301}secret", "GET https://***@\u{301}h/a?***"),
        ("no address: at all @ here?", "no address: at all @ here?"), ("://", "://"),
    ])
    func `URLs lose their secrets`(text: String, expected: String) {
        #expect(LogRedaction.redact(text) == expected)
    }

    @Test func `A text line has time, level, label, message and the sorted fields`() {
        let lines = record(.text) { logger in
            logger.warning("lease lost", metadata: ["task": "t1", "holder": "another worker", "attempt": "2"])
        }
        #expect(
            lines == [
                "2026-01-02T03:04:05.250Z warning  longshore.worker: lease lost attempt=2 holder=\"another worker\" task=t1\n"
            ])
    }

    @Test func `A text line stays one line whatever a user named`() {
        let lines = record(.text) { $0.info("got a\nb\u{1b}[2J", metadata: ["name": "x\ny=\"z\""]) }
        #expect(lines.first?.hasSuffix("got a\\nb\\u{1b}[2J name=\"x\\ny=\\\"z\\\"\"\n") == true, "\(lines)")
    }

    @Test func `An accent behind a quote does not hide it`() {
        let lines = record(.text) { $0.info("got", metadata: ["name": "x\"\u{301} task=\u{301}forged"]) }
        #expect(lines.first?.hasSuffix("got name=\"x\\\"\u{301} task=\u{301}forged\"\n") == true, "\(lines)")
    }

    @Test func `A JSON line is one object`() throws {
        let lines = record(.json) { $0.error("bad \"source\"\n", metadata: ["url": "https://u:secret@h/?q"]) }
        let object = try #require(try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
        #expect(object["level"] as? String == "error" && object["label"] as? String == "longshore.worker")
        #expect(object["message"] as? String == "bad \"source\"\n")
        #expect(object["metadata"] as? [String: String] == ["url": "https://***@h/?***"])
        #expect(lines[0].filter { $0 == "\n" }.count == 1)
    }

    @Test func `What is below the level is not written`() {
        #expect(record(.text) { $0.debug("quiet") }.isEmpty)
    }

    private func record(_ format: LogFormat, _ body: (Logger) -> Void) -> [String] {
        let sink = Sink()
        body(
            Logger(label: "longshore.worker") { label in
                LineLogHandler(
                    label: label, level: .info, format: format,
                    now: { Date(timeIntervalSince1970: 1_767_323_045.25) }, write: { sink.add($0) })
            })
        return sink.lines
    }

    private final class Sink: Sendable {
        private let all = Mutex<[String]>([])
        var lines: [String] { all.withLock { $0 } }
        func add(_ line: String) { all.withLock { $0.append(line) } }
    }
}
