import ImportModel
import Testing

@testable import WebSource

@Suite struct RedirectTargetTests {
    @Test(arguments: [
        ("https://other.example/y", "https://other.example/y", false),
        ("HTTP://images.example:8080/y", "http://images.example:8080/y", true),
        ("//images.example:8080/y", "http://images.example:8080/y", true),
        ("//other.example/y", "http://other.example/y", false),
        ("https://images.example:8080/y", "https://images.example:8080/y", false),
        ("http://images.example/y", "http://images.example/y", false),
        ("/y", "http://images.example:8080/y", true),
        ("y", "http://images.example:8080/a/y", true),
        ("./y", "http://images.example:8080/a/y", true),
        ("../y", "http://images.example:8080/y", true),
        ("../../../y", "http://images.example:8080/y", true),
        ("..", "http://images.example:8080/", true),
        ("/a/./b/../c", "http://images.example:8080/a/c", true),
        ("?z=1", "http://images.example:8080/a/b", true),
        ("", "http://images.example:8080/a/b", true),
        ("/ü y", "http://images.example:8080/%C3%BC%20y", true),
        ("http://mallory:x@images.example:8080/y", "http://images.example:8080/y", true),
        ("/y:z", "http://images.example:8080/y:z", true),
    ])
    func `a location is read as browsers do, and credentials stay with their origin`(
        location: String, redacted: String, keepsCredentials: Bool
    ) throws {
        let url = try SourceURL(parsing: "http://user:secret@images.example:8080/a/b?c=d")
        let next = try url.following(location)
        #expect(next.redacted == redacted)
        #expect(next.userinfo == (keepsCredentials ? "user:secret" : nil))
    }

    @Test(arguments: [
        "ftp://example.com/", "file:///etc/passwd", "//", "http://", "http://a\\b/", "javascript:x", "/a\u{7f}",
    ])
    func `a location that is no source is refused`(location: String) throws {
        let url = try SourceURL(parsing: "http://images.example/a/b")
        #expect(throws: InvalidValue.self) { try url.following(location) }
    }

    @Test(arguments: [
        ("images.example", "images.example", true), ("images.example", "IMAGES.example", true),
        ("images.example", "example", false), ("a.images.example", "*.images.example", true),
        ("a.b.images.example", "*.images.example", false), ("images.example", "*.images.example", false),
        ("images.example", "*.example", false), ("images.example", "*", false),
        ("a.images.example", "a.*.example", false),
        ("a.images.example", "", false),
    ])
    func `a certificate's name covers a host as browsers see it`(name: String, pattern: String, covers: Bool) {
        #expect(CertificateName.matches(name, pattern) == covers)
    }

    @Test func `a slow source is told after a minute of waiting, and a busy one is not`() {
        var pace = Pace(window: .seconds(60))
        let steps: [(bytes: Int, seconds: Int)] = [(10, 59), (10, 1), (60_000, 60)]
        #expect(
            steps.map { pace.isBelow(1000, bytes: $0.bytes, waited: .seconds($0.seconds)) } == [false, true, false])
    }
}
