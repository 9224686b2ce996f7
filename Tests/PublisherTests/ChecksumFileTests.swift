import ImportModel
import Testing

@testable import Publisher

/// What the files of checksums that publishers really write say, and what they do not.
@Suite struct ChecksumFileTests {
    private static let md5 = String(repeating: "1", count: 32)
    private static let sha1 = String(repeating: "2", count: 40)
    private static let sha256 = String(repeating: "3a", count: 32)
    private static let other256 = String(repeating: "4b", count: 32)
    private static let sha512 = String(repeating: "5", count: 128)

    private func digest(_ text: String, _ urls: String...) throws -> String {
        try ChecksumFile(text.utf8, url: "https://example.org/SUMS").digest(of: urls).description
    }

    private func refusal(_ text: String, _ urls: String...) -> String {
        do {
            let digest = try ChecksumFile(text.utf8, url: "https://example.org/SUMS").digest(of: urls)
            Issue.record("\(digest)")
            return ""
        } catch PublisherError.refused(let reason) {
            return reason
        } catch {
            Issue.record(error)
            return ""
        }
    }

    @Test(arguments: [
        "\(sha256)  disk.img\n", "\(sha256) *disk.img\n", "\(sha256) disk.img", "\(sha256)\tdisk.img\r\n",
        "\(sha256.uppercased())  disk.img\n", "\(sha256)  ./disk.img\n", "\(sha256)  images/disk.img\n",
        "SHA256 (disk.img) = \(sha256)\n", "SHA256(disk.img)= \(sha256)\n", "SHA2-256(disk.img)= \(sha256)\r\n",
        "# a comment\n\nsomething else\n\(other256)  other.img\n\(sha256)  disk.img\n",
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSHA256 (disk.img) = \(sha256)\n-----BEGIN PGP SIGNATURE-----\n",
        "\(md5)  disk.img\n\(sha256)  disk.img\n", "SHA1 (disk.img) = \(sha1)\nSHA256 (disk.img) = \(sha256)\n",
        "\(other256)  disk.img\n\(sha256)  images/disk.img\n", "\(sha256)\n", "\(sha256)  \n",
    ])
    func `an entry is found by the name of the image`(text: String) throws {
        #expect(try digest(text, "https://example.org/images/disk.img") == "sha256:\(Self.sha256)")
    }

    @Test func `the strongest digest counts, and weaker ones where there is no other`() throws {
        let url = "https://example.org/a"
        #expect(try digest("\(Self.sha256)  a\n\(Self.sha512)  a\n\(Self.md5)  a\n", url) == "sha512:\(Self.sha512)")
        #expect(try digest("\(Self.md5)  a\n", url) == "md5:\(Self.md5)")
        #expect(refusal("\(Self.sha1)  a\n", url).contains("other kinds"))
    }

    @Test func `the name that was asked for comes before the one that the redirects led to`() throws {
        let text = "\(Self.sha256)  latest.img\n\(Self.other256)  v7.img\n"
        let (asked, found) = ("https://example.org/latest.img", "https://cdn.example.org/v7.img")
        #expect(try digest(text, asked, found) == "sha256:\(Self.sha256)")
        #expect(try digest("\(Self.other256)  v7.img\n", asked, found) == "sha256:\(Self.other256)")
    }

    @Test func `names in URLs are decoded, and their queries are no part of them`() throws {
        #expect(
            try digest("\(Self.sha256)  a b.img\n", "https://example.org/x/a%20b.img?token=/disk.img#/c")
                == "sha256:\(Self.sha256)")
        // As the GNU tools write a name with a line break and a backslash.
        #expect(
            try digest("\\\(Self.sha256)  a\\nb\\\\c\n", "https://example.org/a%0Ab%5Cc") == "sha256:\(Self.sha256)")
    }

    @Test(arguments: [
        "\(sha256)  disk.img.xz\n", "\(sha256)  mydisk.img\n", "\(sha256)  elsewhere/disk.img\n",
        "\(sha256)  ../disk.img\n", "\(sha256)  DISK.IMG\n", "SHA256 (disk.img.sig) = \(sha256)\n",
        "\(sha256)  disk.img /images/disk.img.old\n",
    ])
    func `an entry for something else is not taken`(text: String) {
        #expect(refusal(text, "https://example.org/images/disk.img").contains("no entry for 'disk.img'"))
    }

    @Test(arguments: [
        "", "\n\n", "<html>not found</html>\n", "\(String(sha256.dropLast()))  disk.img\n",
        "SHA256 (disk.img) = \(md5)\n", "\(sha256)x  disk.img\n", "disk.img \(sha256)\n",
        "\u{FF11}\(sha256)  disk.img\n",
    ])
    func `a file without checksums says so`(text: String) {
        #expect(refusal(text, "https://example.org/disk.img").contains("no line of it is a checksum"))
    }

    @Test func `two different digests for one image are refused, the same one twice is not`() throws {
        let url = "https://example.org/disk.img"
        let twice = "\(Self.sha256)  disk.img\n\(Self.other256)  disk.img\n"
        #expect(refusal(twice, url).contains("2 different sha256 digests"))
        #expect(try digest("\(Self.sha256)  disk.img\n\(Self.sha256) *./disk.img\n", url) == "sha256:\(Self.sha256)")
        #expect(refusal("\(Self.sha256)\n\(Self.other256)\n", url).contains("2 different"))
    }

    @Test func `a digest without a name does not stand in for a missing entry`() {
        #expect(refusal("\(Self.sha256)\n\(Self.other256)  other\n", "https://example.org/a").contains("no entry"))
    }

    @Test func `an accent that joins the mark before it hides nothing`() throws {
        #expect(refusal("\(Self.sha256)  \u{301}disk.img\n", "https://example.org/disk.img").contains("no entry"))
        #expect(
            refusal("\(Self.sha256)  caf\u{e9}\n", "https://example.org/cafe%CC%81").contains("no entry"))
    }
}
