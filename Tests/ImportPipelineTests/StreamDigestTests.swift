import ImportModel
import ImportPipeline
import NIOCore
import Testing

@Suite struct StreamDigestTests {
    @Test(arguments: [
        (DigestAlgorithm.md5, "", "d41d8cd98f00b204e9800998ecf8427e"),
        (.md5, "abc", "900150983cd24fb0d6963f7d28e17f72"),
        (.sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (.sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            .sha512, "abc",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ])
    func `gives the published digests`(algorithm: DigestAlgorithm, text: String, hex: String) {
        var digest = StreamDigest(algorithm)
        digest.update(ByteBuffer(string: text))
        #expect(digest.finalize() == hex)
    }

    @Test func `a million letters in uneven pieces give the published digest`() {
        var digest = StreamDigest(.sha256)
        var left = 1_000_000
        var size = 1
        while left > 0 {
            digest.update(ByteBuffer(repeating: UInt8(ascii: "a"), count: min(size, left)))
            left -= size
            size = size * 3 % 4099 + 1
        }
        #expect(digest.finalize() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test(arguments: DigestAlgorithm.allCases)
    func `a copy taken half-way goes on by itself`(algorithm: DigestAlgorithm) {
        var whole = StreamDigest(algorithm)
        whole.update(ByteBuffer(string: "first half, "))
        var copy = whole
        copy.update(ByteBuffer(string: "second half"))
        #expect(copy.finalize() != whole.finalize())
        whole.update(ByteBuffer(string: "second half"))
        #expect(copy.finalize() == whole.finalize())
        #expect(whole.finalize().utf8.count == algorithm.hexLength)
    }

    @Test(arguments: DigestAlgorithm.allCases)
    func `a digest that was saved goes on after any length, and only after that one`(
        algorithm: DigestAlgorithm
    ) throws {
        let bytes = ByteBuffer(bytes: (0..<1000).map { UInt8(truncatingIfNeeded: $0) })
        var whole = StreamDigest(algorithm)
        whole.update(bytes)
        for count in [0, 1, 63, 64, 65, 127, 128, 129, 500, 999, 1000] {
            var half = StreamDigest(algorithm)
            half.update(try #require(bytes.getSlice(at: 0, length: count)))
            var next = try #require(StreamDigest(algorithm, saved: half.saved, after: Int64(count)))
            next.update(try #require(bytes.getSlice(at: count, length: 1000 - count)))
            #expect(next.finalize() == whole.finalize())
            #expect(StreamDigest(algorithm, saved: half.saved, after: Int64(count) + 1) == nil)
            #expect(StreamDigest(algorithm, saved: Array(half.saved.dropLast()), after: Int64(count)) == nil)
            #expect(StreamDigest(algorithm, saved: half.saved + [0], after: Int64(count)) == nil)
            #expect(StreamDigest(algorithm, saved: half.saved, after: .min) == nil || count == 0)
        }
        #expect(StreamDigest(algorithm, saved: whole.saved, after: .max) == nil)
    }

    @Test(arguments: DigestAlgorithm.allCases)
    func `no saved state makes a digest fail, whoever wrote it`(algorithm: DigestAlgorithm) {
        var generator = SystemRandomNumberGenerator()
        var digest = StreamDigest(algorithm)
        digest.update(ByteBuffer(repeating: 1, count: 100))
        for _ in 0..<20_000 {
            var saved = digest.saved
            let index = Int.random(in: saved.indices, using: &generator)
            saved[index] = .random(in: 0...255, using: &generator)
            guard var next = StreamDigest(algorithm, saved: saved, after: 100) else { continue }
            next.update(ByteBuffer(repeating: 2, count: 300))
            #expect(next.finalize().utf8.count == algorithm.hexLength)
        }
    }
}
