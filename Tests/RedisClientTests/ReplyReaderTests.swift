import Testing

@testable import RedisClient

/// Feeds `text` in parts of `step` bytes.
private func read(_ text: String, step: Int = .max, maxReplyBytes: Int = 1 << 20) throws -> [RedisValue] {
    var reader = try ReplyReader(maxReplyBytes: maxReplyBytes)
    var replies: [RedisValue] = []
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
        let end = step < bytes.count - start ? start + step : bytes.count
        try bytes[start..<end].withUnsafeBytes { try reader.read($0) { replies.append($0) } }
        start = end
    }
    return replies
}

@Suite struct ReplyReaderTests {
    static let replies =
        "+OK\r\n:-42\r\n$5\r\nhe\r\no\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n-ERR no\r\n"
        + "*3\r\n*2\r\n:1\r\n$-1\r\n*0\r\n*1\r\n-BUSY now\r\n"
    static let values: [RedisValue] = [
        .simple("OK"), .integer(-42), .string(Array("he\r\no".utf8)), .string([]), .null, .null, .array([]),
        .error(RedisServerError(message: "ERR no")),
        .array([
            .array([.integer(1), .null]), .array([]), .array([.error(RedisServerError(message: "BUSY now"))]),
        ]),
    ]

    @Test("replies of every kind are read, however they are cut", arguments: [1, 2, 3, 7, 1000])
    func everyKind(step: Int) throws {
        #expect(try read(Self.replies, step: step) == Self.values)
    }

    @Test("arrays may nest seven deep, and not deeper")
    func depth() throws {
        let seven = String(repeating: "*1\r\n", count: 7) + ":1\r\n"
        #expect(try read(seven).count == 1)
        #expect(throws: ReplyError.self) { try read("*1\r\n*1\r\n" + seven) }
    }

    @Test(
        "what is no reply is an error",
        arguments: [
            "HTTP/1.1 400 Bad Request\r\n", "?\r\n", ":12x\r\n", "$x\r\n", "$-2\r\n", "*-2\r\n", "*99999999999\r\n",
            "$99999999999999999999999\r\n", "\0\0\0\0", "$11111111111111111111111111111111111111111111",
            "$00000000000000000000000000000000000000000",
        ])
    func garbage(text: String) {
        #expect(throws: ReplyError.self) { try read(text) }
        #expect(throws: ReplyError.self) { try read(text, step: 1) }
    }

    @Test(
        "types that nobody asked for end the connection rather than shift the replies",
        arguments: [",1.5\r\n:1\r\n", "#t\r\n:1\r\n", "*2\r\n,1.5\r\n:1\r\n:2\r\n", "*1\r\n*1\r\n#f\r\n+OK\r\n"])
    func unasked(text: String) {
        #expect(throws: ReplyError.self) { try read(text) }
    }

    @Test("a claim of very many parts is refused before memory is set aside for them")
    func manyParts() {
        #expect(throws: ReplyError.refused("an array that claims 2000000000 parts")) { try read("*2000000000\r\n") }
        let nested = "*3\r\n:1\r\n*1048576\r\n"
        #expect(throws: ReplyError.refused("an array that claims 1048576 parts")) { try read(nested) }
    }

    @Test("a string that is too long is refused as soon as its length is seen", arguments: [1, 1000])
    func longString(step: Int) {
        let error = ReplyError.refused("a string of more than 1048576 bytes")
        #expect(throws: error) { try read("$9999999999\r\n", step: step) }
        #expect(throws: error) { try read("*2\r\n:1\r\n$1048577\r\n", step: step) }
    }

    @Test("a reply of many short strings is bounded as a whole")
    func longReply() throws {
        let string = "$1000\r\n" + String(repeating: "x", count: 1000) + "\r\n"
        let error = ReplyError.refused("a reply of more than 100000 bytes")
        let many = String(repeating: string, count: 200)
        #expect(throws: error) { try read("*200\r\n" + many, maxReplyBytes: 100_000) }
        #expect(try read(many, maxReplyBytes: 100_000).count == 200)
    }

    @Test("a line without an end is refused")
    func longLine() {
        let line = String(repeating: "x", count: 200_000)
        for type in ["+", "-", ":", "*"] {
            #expect(throws: ReplyError.refused("a line of more than 65536 bytes")) { try read(type + line) }
        }
    }

    @Test("nothing that a peer sends ends the process", arguments: 0..<20)
    func noise(seed: UInt64) {
        var random = Noise(state: seed)
        let alphabet = Array("*$+-:0123456789\r\n\r\n\r\nab")
        for _ in 0..<500 {
            let text = String((0..<60).map { _ in alphabet.randomElement(using: &random) ?? "*" })
            do {
                #expect(try read(text, step: 3).count <= 60)
            } catch {
                #expect(error is ReplyError)
            }
        }
    }
}

private struct Noise: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
