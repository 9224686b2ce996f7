import Testing

@testable import Operations

@Suite struct QuantitiesTests {
    @Test func `Durations have a number and a unit`() {
        #expect(DurationText.parse("500ms") == .milliseconds(500))
        #expect(DurationText.parse("30s") == .seconds(30))
        #expect(DurationText.parse("1.5m") == .seconds(90))
        #expect(DurationText.parse("2 h") == .seconds(7200))
        #expect(DurationText.parse("1d") == .seconds(86_400))
        #expect(DurationText.parse("0") == .zero)
        for text in ["", "s", "5", "-5s", "5 parsecs", "1e3s", "nan s", "9999999999999d", "1.2.3s", "٣s"] {
            #expect(DurationText.parse(text) == nil, "\(text)")
        }
    }

    @Test func `Sizes are bytes or have a unit`() {
        #expect(SizeText.parse("0") == 0)
        #expect(SizeText.parse("1048576") == 1 << 20)
        #expect(SizeText.parse("64KiB") == 65_536)
        #expect(SizeText.parse("1.5 GiB") == 3 << 29)
        #expect(SizeText.parse("1TiB") == 1 << 40)
        #expect(SizeText.parse("500MB") == 500_000_000)
        for text in ["", "-1", "GiB", "1XiB", "99999999PiB", "1e9"] { #expect(SizeText.parse(text) == nil, "\(text)") }
    }
}
