import ImportModel
import Testing

@testable import S3Storage

/// The parts that need no service.
@Suite struct S3PartsTests {
    private let mebibyte: Int64 = 1 << 20

    @Test(arguments: [0, 70 << 30, 1 << 40, 5 << 40] as [Int64])
    func `parts of a known length are a 9,000th of it, all of one size, and 8 MiB at least`(length: Int64) {
        let plan = PartPlan(least: 8 << 20, expectedBytes: length)
        let size = max(8 * mebibyte, (length + 8_999) / 9_000)
        var written: Int64 = 0
        var number = 1
        while written < length {
            #expect(plan.bytes(ofPart: number, after: written) == size)
            written += size
            number += 1
        }
        #expect(number <= 9_001)
    }

    @Test func `later parts of a known length make up for smaller ones, and no part is larger than S3 takes`() {
        let plan = PartPlan(least: 8 << 20, expectedBytes: 1 << 40)
        var written = 8 * mebibyte * 5_000
        for number in 5_001...9_999 { written += plan.bytes(ofPart: number, after: written) }
        #expect(written >= 1 << 40)
        let endless = PartPlan(least: 8 << 20, expectedBytes: .max)
        #expect(endless.bytes(ofPart: 1, after: 0) == S3Configuration.largestPartBytes)
        #expect(endless.bytes(ofPart: 20_000, after: .max) == S3Configuration.largestPartBytes)
    }

    @Test func `parts of an unknown length stay small for 5,000, then double every 500, so that 5 TiB fit`() {
        let plan = PartPlan(least: 6 << 20, expectedBytes: nil)
        let sizes = (1...plan.maxParts).map { plan.bytes(ofPart: $0, after: 0) }
        #expect(sizes.prefix(5_000).allSatisfy { $0 == 6 * mebibyte })
        #expect(sizes[5_000] == 12 * mebibyte && sizes[5_499] == 12 * mebibyte && sizes[5_500] == 24 * mebibyte)
        #expect(sizes.reduce(0, +) >= 5 << 40 && sizes.max() == S3Configuration.largestPartBytes)
    }

    @Test func `the budget gives what there is, and gets it back when a part is dropped`() {
        let budget = PartBudget(bytes: 16)
        var first = budget.take(upTo: 10, atLeast: 10)
        #expect(first?.bytes == 10 && budget.take(upTo: 10, atLeast: 7) == nil)
        #expect(budget.take(upTo: 10, atLeast: 0)?.bytes == 6)
        first = nil
        #expect(first == nil && budget.take(upTo: 16, atLeast: 16) != nil)
    }

    @Test(arguments: [1, 2, 4, 40]) func `waits between tries are anywhere up to a bound that doubles`(failures: Int) {
        let policy = RetryPolicy(base: .milliseconds(200), cap: .seconds(10))
        let ceiling = min(policy.cap, policy.base * (1 << min(failures - 1, 6)))
        let waits = (0..<2_000).map { _ in policy.delay(afterFailures: failures) }
        #expect(waits.allSatisfy { $0 >= .zero && $0 <= ceiling })
        // Of 2,000 none in a tenth of the range: that is one in 10^91.
        #expect(
            (0..<10).allSatisfy { tenth in
                waits.contains { $0 >= ceiling * tenth / 10 && $0 <= ceiling * (tenth + 1) / 10 }
            })
    }

    @Test func `answers are read with their entities, comments and namespaces`() {
        let text = """
              \n<?xml version="1.0"?><!-- a > b --><s:List xmlns:s="u>v" a='"'>
                <Key>a&amp;b&#x2F;&#99;</Key><Empty/><ETag>&quot;1&quot;</ETag><Data><![CDATA[<raw>]]></Data>
              </s:List>
            """
        let xml = S3XML(parsing: text.utf8)
        #expect(xml?.name == "List" && xml?.text == "")
        #expect(xml?.value("Key") == "a&b/c" && xml?.value("ETag") == "\"1\"" && xml?.value("Data") == "<raw>")
        #expect(xml?["Empty"]?.text == "" && xml?.value("Empty") == nil && xml?.value("None") == nil)
    }

    @Test(arguments: [
        "", "<", "<a", "<a>", "</a>", "<a></b>", "<a><b></a></b>", "text", "<a>&unknown;</a>", "<a>&#xD800;</a>",
        "<a>&amp</a>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a b=\"></a>", "<a><!-- </a>", "<a><![CDATA[</a>",
        "<>", "< a/>", "<a/ >x", "{}", "<a><?", "<a>\u{0}<", String(repeating: "<a>", count: 100),
        "<a>" + String(repeating: "<b/>", count: 60_000) + "</a>",
    ])
    func `what is not well-formed is no answer`(text: String) {
        #expect(S3XML(parsing: text.utf8) == nil)
    }

    @Test func `no bytes make the reader of answers fail otherwise`() {
        var generator = SystemRandomNumberGenerator()
        let seed = Array("<?xml?><a b='c'>&lt;<d>x</d><![CDATA[y]]><!--z--></a>".utf8)
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[place] = .random(in: 0...255, using: &generator)
                case 1: bytes.removeSubrange(place...)
                default: bytes.insert(contentsOf: seed.suffix(place), at: place)
                }
                if bytes.isEmpty { break }
            }
            _ = S3XML(parsing: bytes)
        }
    }

    @Test(arguments: [
        ("https://s3.example.org", "images", "", false, "https://images.s3.example.org", "/k", "images.s3.example.org"),
        (
            "https://s3.example.org:443/", "images", "/a/b c/", true, "https://s3.example.org", "/images/a/b%20c/k",
            "s3.example.org"
        ),
        ("http://127.0.0.1:8333", "images", "a", true, "http://127.0.0.1:8333", "/images/a/k", "127.0.0.1:8333"),
    ])
    func `addresses are made of endpoint, bucket and prefix`(
        endpoint: String, bucket: String, prefix: String, isPathStyle: Bool, origin: String, path: String, host: String
    ) throws {
        let location = try S3Location(configuration(endpoint, bucket, prefix, isPathStyle))
        #expect(location.origin == origin && location.host == host)
        #expect(location.path(of: location.prefix + "k") == path)
        let key = ObjectKey(image: .random(), nonce: .mint())
        #expect(location.key(of: location.name(of: key)) == key)
        #expect(location.key(of: location.name(of: key) + ".json") == nil && location.key(of: "x") == nil)
    }

    @Test(arguments: [
        ("ftp://host", "images", ""), ("s3.example.org", "images", ""), ("https://u:p@host", "images", ""),
        ("https://host/path", "images", ""), ("https://host?x", "images", ""), ("https://", "images", ""),
        ("https://host", "", ""), ("https://host", "im/ages", ""), ("https://host", "..images", ""),
        ("https://host", "images", "a/../b"), ("https://host", "images", "a//b"),
    ])
    func `addresses that cannot be meant are refused`(endpoint: String, bucket: String, prefix: String) {
        #expect(throws: InvalidValue.self) { try S3Location(configuration(endpoint, bucket, prefix, true)) }
    }

    private func configuration(
        _ endpoint: String, _ bucket: String, _ prefix: String, _ isPathStyle: Bool
    ) -> S3Configuration {
        var configuration = S3Configuration(endpoint: endpoint, bucket: bucket, credentials: .environment([:]))
        configuration.prefix = prefix
        configuration.usesPathStyle = isPathStyle
        return configuration
    }
}
