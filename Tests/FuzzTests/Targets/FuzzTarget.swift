/// A parser that outsiders reach, with what must hold for whatever they send. Tests/Fuzz/README.md says who reaches it.
enum FuzzTarget: String, CaseIterable {
    case image, json, body, query, range, url, address, answer, reply, record, s3, events, document, text

    /// Reads `input` as this parser's outsiders would send it.
    /// - Throws: `Violation`, when a property does not hold.
    func check(_ input: [UInt8]) throws(Violation) {
        switch self {
        case .image: try ImageTarget.check(input)
        case .json: try JSONTarget.check(input)
        case .body: try BodyTarget.check(input)
        case .query: try QueryTarget.check(input)
        case .range: try RangeTarget.check(input)
        case .url: try URLTarget.check(input)
        case .address: try AddressTarget.check(input)
        case .answer: try AnswerTarget.check(input)
        case .reply: try ReplyTarget.check(input)
        case .record: try RecordTarget.check(input)
        case .s3: try S3Target.check(input)
        case .events: try EventsTarget.check(input)
        case .document: try DocumentTarget.check(input)
        case .text: try TextTarget.check(input)
        }
    }
}

/// A property that an input breaks.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

func require(_ isTrue: @autoclosure () -> Bool, _ what: @autoclosure () -> String) throws(Violation) {
    if !isTrue() { throw Violation(description: what()) }
}

/// The value of `body`, where anything else than a value is a finding.
func expect<Value>(_ what: String, _ body: () throws -> Value) throws(Violation) -> Value {
    do { return try body() } catch { throw Violation(description: "\(what): \(error)") }
}
