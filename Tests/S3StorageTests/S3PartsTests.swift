import ImportModel
import Testing

@testable import S3Storage

/// The parts that need no service.
@Suite struct S3PartsTests {
    private let mebibyte: Int64 = 1 << 20

    @Test func `parts of a known length are a 9,000th of it, and 8 MiB at least`() {
        func first(_ length: Int64) -> Int64 { PartPlan(least: 8 << 20, expectedBytes: length).bytes(ofPart: 9_999) }
        #expect(first(0) == 8 * mebibyte)
        #expect(first(70 << 30) == 8 * mebibyte)
        #expect(first(1 << 40) == 117 * mebibyte)
        #expect(first(5 << 40) * 9_000 >= 5 << 40)
        #expect(first(.max) == S3Configuration.largestPartBytes)
    }

    @Test func `parts of an unknown length double every 1,000, so that 5 TiB fit`() {
        let plan = PartPlan(least: 8 << 20, expectedBytes: nil)
        #expect(plan.bytes(ofPart: 1) == 8 * mebibyte && plan.bytes(ofPart: 1_000) == 8 * mebibyte)
        #expect(plan.bytes(ofPart: 1_001) == 16 * mebibyte)
        #expect((1...PartPlan.maxParts).reduce(0) { $0 + plan.bytes(ofPart: $1) } >= 5 << 40)
        let large = PartPlan(least: 1 << 30, expectedBytes: nil)
        #expect(large.bytes(ofPart: PartPlan.maxParts) == S3Configuration.largestPartBytes)
    }

    @Test func `the budget is given back when a part is dropped`() {
        let budget = PartBudget(bytes: 16)
        var first = budget.take(10)
        #expect(first != nil && budget.take(10) == nil)
        first = nil
        #expect(first == nil && budget.take(16) != nil)
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
