/// A place in a trace, as `traceparent` of W3C's Trace Context writes it: which trace, and which step of it came before.
package struct TraceContext: Hashable, Sendable {
    /// 32 hexadecimal digits, the same for all steps.
    package let trace: String
    /// 16 hexadecimal digits: a step.
    package let span: String
    /// Two hexadecimal digits.
    package let flags: String

    /// Reads the header's value. `nil` for what is not exactly one: a trace is then as if it were not there.
    package init?(_ text: String) {
        // Version, trace, step, flags; versions to come may have more behind these.
        let parts = text.utf8.count <= 256 ? text.split(separator: "-", omittingEmptySubsequences: false) : []
        guard parts.count >= 4, Self.isHex(parts[0], 2), parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            Self.isHex(parts[1], 32), Self.isHex(parts[2], 16), Self.isHex(parts[3], 2),
            parts[1].contains(where: { $0 != "0" }), parts[2].contains(where: { $0 != "0" })
        else { return nil }
        (trace, span, flags) = (String(parts[1]), String(parts[2]), String(parts[3]))
    }

    private init(trace: String, span: String, flags: String) {
        (self.trace, self.span, self.flags) = (trace, span, flags)
    }

    /// The next step, with a number of its own.
    package func next() -> TraceContext {
        let number = String(UInt64.random(in: 1...UInt64.max), radix: 16)
        let span = String(repeating: "0", count: 16 - number.count) + number
        return TraceContext(trace: trace, span: span, flags: flags)
    }

    /// As it is written: of version 00.
    package var text: String { "00-\(trace)-\(span)-\(flags)" }

    private static func isHex(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}
