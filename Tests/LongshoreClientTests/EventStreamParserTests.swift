import LongshoreClient
import Testing

@Suite("Server-sent events")
struct EventStreamParserTests {
    private let stream = ": hello\n\nid: 7\nevent: claimed\ndata: {\"a\":\ndata: 1}\n\ndata:x\r\n\r\nid: 9\rdata: ü\r\r"
    private let expected: [EventStreamParser.Event] = [
        .init(id: "7", name: "claimed", data: "{\"a\":\n1}"), .init(id: "7", name: "message", data: "x"),
        .init(id: "9", name: "message", data: "ü"),
    ]

    @Test("Events come out the same however the bytes are cut", arguments: 1...20)
    func pieces(size: Int) throws {
        let bytes = Array(stream.utf8)
        var parser = EventStreamParser()
        var events: [EventStreamParser.Event] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            events += try parser.push(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(events == expected)
        #expect(parser.lastID == "9")
    }

    @Test("Comments, unknown fields and events without data say nothing")
    func noise() throws {
        var parser = EventStreamParser()
        #expect(try parser.push(Array(":\n:keep-alive\nretry: 5\nnonsense\nevent: x\n\n".utf8)) == [])
        #expect(try parser.push(Array("data\n\n".utf8)) == [.init(id: "", name: "message", data: "")])
        #expect(try parser.push(Array("id: a\0b\ndata: 1\n\n".utf8)).first?.id == "")
    }

    @Test("An event without end is refused instead of stored")
    func endless() throws {
        var parser = EventStreamParser()
        let piece = [UInt8](repeating: 0x61, count: 100_000)
        #expect(throws: ServiceError.self) { for _ in 0..<11 { _ = try parser.push(piece) } }
        var lines = EventStreamParser()
        let line = Array("data: \(String(repeating: "x", count: 100_000))\n".utf8)
        #expect(throws: ServiceError.self) { for _ in 0..<11 { _ = try lines.push(line) } }
    }
}
