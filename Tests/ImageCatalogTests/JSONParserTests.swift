import ImageCatalog
import Testing

@Suite struct JSONParserTests {
    @Test func valuesOfEveryKindAreRead() throws {
        let text = #" {"a": [1, -2.5, true, false, null], "b": {"c": "d\u00e9\ud83d\ude00\n"}, "": ""} "#
        let expected = JSON.object([
            "a": .array([.integer(1), .number(-2.5), .bool(true), .bool(false), .null]),
            "b": .object(["c": .string("d\u{e9}\u{1F600}\n")]),
            "": .string(""),
        ])
        #expect(try JSONParser.parse(Array(text.utf8)) == expected)
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let value = JSON.object(["x": .string("\"\\\u{1}\u{7f}é\r"), "y": .array([.number(0.1), .integer(.min)])])
        #expect(try JSONParser.parse(value.encoded()) == value)
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "tru", "nul", "01", "-", "1.",
        "1e", "1e999", "1.e5", "[9.E+2]", "-.5", "1.0e", "1e+", "1-2", "+1", "--1", "1 2", "\"", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\n\"",
        "{\"a\":1,\"a\":2}", "]", "\u{FEFF}{}", "'a'", "NaN",
    ])
    func whatIsNoJSONIsRefused(_ text: String) {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(Array(text.utf8)) }
    }

    @Test func bytesThatAreNoUTF8AreRefused() {
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse([0x22, 0xFF, 0xFE, 0x22]) }
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse([0x22, 0xED, 0xA0, 0x80, 0x22]) }
    }

    @Test func deepNestingIsRefusedWhateverItsLength() {
        let deep = Array(repeating: UInt8(ascii: "["), count: 500_000)
        #expect(throws: JSONParser.Failure.self) { try JSONParser.parse(deep) }
        let edge = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        #expect(throws: Never.self) { try JSONParser.parse(Array(edge.utf8)) }
    }
}
