import ImportModel
import Testing
import WebSource

@Suite struct SourcePolicyTests {
    /// Ways to write what a worker must not be sent to, and URLs that parsers are known to disagree about.
    static let forbidden = [
        // This host
        "http://127.0.0.1/", "http://127.0.0.1:8080/", "http://127.255.255.254/", "http://localhost/",
        "http://LOCALHOST/", "http://localhost./", "http://a.localhost/", "http://0.0.0.0/", "http://0/",
        "http://0.1.2.3/", "http://[::1]/", "http://[::]/", "http://[0:0:0:0:0:0:0:1]/",
        // Other spellings of IPv4
        "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/",
        "http://127.1/", "http://127.0.1/", "http://127.0.0.01/", "http://127.0.0.1./", "http://127.0.0.1.2/",
        "http://256.1.1.1/", "http://1.2.3/", "http://8.8.8.8.8/", "http://8.8.0x8.8/", "http://8.8.8.0x8/",
        "http://0x8.8.8.8/", "http://3232235521/", "http://4294967297/", "http://127.0.0.1%00/", "http://127%2e0.0.1/",
        "http://１２７.0.0.1/", "http://127。0。0。1/", "http://①②⑦.0.0.1/",
        // Private and special networks
        "http://10.0.0.1/", "http://10.255.255.255/", "http://172.16.0.1/", "http://172.31.255.255/",
        "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://169.254.0.1/", "http://100.64.0.1/",
        "http://100.100.100.200/", "http://192.0.0.192/", "http://192.0.2.1/", "http://192.88.99.1/",
        "http://198.18.0.1/", "http://198.51.100.1/", "http://203.0.113.9/", "http://224.0.0.1/", "http://239.1.1.1/",
        "http://240.0.0.1/", "http://255.255.255.255/", "http://168.63.129.16/",
        // IPv6
        "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:10.0.0.1]/", "http://[::127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/", "http://[64:ff9b::10.0.0.1]/", "http://[64:ff9b:1::1]/",
        "http://[2002:7f00:1::]/",
        "http://[2002:a00:1::1]/", "http://[2001::1]/", "http://[2001:db8::1]/", "http://[3fff::1]/",
        "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[fc00::1]/",
        "http://[fd00:ec2::254]/", "http://[ff02::1]/", "http://[100::1]/", "http://[fec0::1]/", "http://[5f00::1]/",
        "http://[::ffff:0:127.0.0.1]/", "http://[127.0.0.1]/", "http://[::1/", "http://::1/", "http://[::1]x/",
        // Where is the host?
        "http://example.com@127.0.0.1/", "http://a@b@example.com/", "http://example.com\\@127.0.0.1/",
        "http://example.com\t.evil/", "http://example.com /", "http:///etc/passwd", "http:/example.com/",
        "http:example.com", "//example.com/", "http://", "http://?", "http://#", "http://:80/", "http://exa%6dple.com/",
        "http://.example.com/", "http://example..com/", "http://-a.example/", "http://a-.example/",
        "http://\u{200b}example.com/", "http://example.com\r\nHost: x/", "http://example.com/\r\nX: y",
        // Schemes and ports
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "unix:///run/x", "http+unix://x/",
        "javascript:alert(1)", "data:,x", "ftp://127.0.0.1/", "http://example.com:22/", "http://example.com:25/",
        "http://example.com:0/", "http://example.com:65536/", "http://example.com:-1/", "http://example.com:+80/",
        "http://example.com:8 0/", "http://example.com:/", "http://example.com:00000080/", "http://example.com:80:80/",
        "", " ", "image.qcow2", "/etc/passwd",
    ]

    @Test(arguments: forbidden)
    func `is refused without asking the network`(url: String) {
        #expect(throws: InvalidValue.self) { try SourcePolicy().check(url) }
    }

    @Test(arguments: [
        "http://example.com", "https://example.com/a.img", "HTTPS://Example.COM/a.img", "http://example.com./a",
        "http://example.com:80/", "http://example.com:8080/a?b=c#d", "https://user:p%40ss@example.com/a",
        "http://8.8.8.8/a", "https://[2606:4700::1111]/a", "http://[64:ff9b::8.8.8.8]/", "http://[::ffff:8.8.8.8]/",
        "http://a_b.example.com/", "http://1.example/", "http://0xa.example/", "http://example.com?x=/@y",
        "http://example.com/a@b", "http://example.com/~a/%20b;c=d,e", "http://xn--bcher-kva.example/",
    ])
    func `is accepted`(url: String) throws {
        try SourcePolicy().check(url)
    }

    @Test func `what an operator allows is accepted, in every spelling that is one`() throws {
        let policy = SourcePolicy(
            allow: try rules("127.0.0.0/8", "10.1.0.0/16", "fd00::/8", "images.lan", ".corp.example"))
        for url in [
            "http://127.0.0.1:8080/", "http://[::ffff:127.0.0.1]/", "http://10.1.2.3/", "http://[fd00::1]/",
            "http://localhost/",
        ] { try policy.check(url) }
        for url in ["http://10.2.0.1/", "http://[::1]/", "http://0x7f000001/", "http://169.254.169.254/"] {
            #expect(throws: InvalidValue.self) { try policy.check(url) }
        }
    }

    @Test func `what an operator denies is refused, whatever is allowed`() throws {
        let policy = SourcePolicy(
            allow: try rules("0.0.0.0/0", "::/0"),
            deny: try rules("10.0.0.0/8", "8.8.8.8", ".evil.example", "bad.example"))
        try policy.check("http://127.0.0.1/")
        try policy.check("http://notevil.example/")
        for url in [
            "http://10.1.2.3/", "http://[::ffff:10.1.2.3]/", "http://8.8.8.8/", "http://evil.example/",
            "http://a.evil.example/", "http://A.EVIL.example./", "http://bad.example/", "http://[64:ff9b::8.8.8.8]/",
        ] {
            #expect(throws: InvalidValue.self) { try policy.check(url) }
        }
    }

    @Test func `schemes and ports are those that were set`() throws {
        let policy = SourcePolicy(schemes: ["https"], ports: [8443...8443])
        try policy.check("https://example.com:8443/")
        #expect(throws: InvalidValue.self) { try policy.check("http://example.com:8443/") }
        #expect(throws: InvalidValue.self) { try policy.check("https://example.com/") }
    }

    @Test(arguments: ["", ".", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "a b", "http://a", "::/129", "1.2.3"])
    func `an entry that is neither address, block nor host is refused`(text: String) {
        #expect(throws: InvalidValue.self) { try HostRule(parsing: text) }
    }

    @Test func `a URL of more than 8 KiB is refused`() throws {
        let base = "http://example.com/"
        try SourcePolicy().check(base + String(repeating: "a", count: 8192 - base.count))
        #expect(throws: InvalidValue.self) {
            try SourcePolicy().check(base + String(repeating: "a", count: 8193 - base.count))
        }
    }

    @Test(arguments: [
        ("https://user:secret@example.com/a.img?token=secret#secret", "https://example.com/a.img"),
        ("http://example.com", "http://example.com"),
        ("http://example.com:8080/a@b", "http://example.com:8080/a@b"),
        ("http://[::1]:8080/a", "http://[::1]:8080/a"),
        ("http://a@secret@example.com/", "http://example.com/"),
        ("http://user:sec?ret@example.com/", "http://(unreadable)"),
        ("http://user:sec/ret@example.com/", "http://(unreadable)"),
        ("http://user:sec ret@example.com/", "http://example.com/"),
        ("http://example.com/a\u{1b}[31m", "http://example.com/a\u{FFFD}[31m"),
        // An accent makes another character of the mark before it, and no other mark.
        ("http://example.com/a?\u{301}secret", "http://example.com/a"),
        ("http://example.com/a#\u{301}secret", "http://example.com/a"),
        ("http://user:secret@\u{301}example.com/", "http://(unreadable)"),
        ("secret", "(not a URL)"),
        ("user:secret@example.com", "(not a URL)"),
        ("", "(not a URL)"),
    ])
    func `what is shown of a URL has no secrets`(url: String, shown: String) {
        #expect(redact(url) == shown)
        #expect(!shown.contains("secret"))
    }

    @Test(arguments: forbidden)
    func `errors tell no secrets either`(url: String) {
        let url = url.replacing("http://", with: "http://user:sesame@", maxReplacements: 1) + "?token=sesame#sesame"
        do { try SourcePolicy().check(url) } catch { #expect(!error.message.contains("sesame")) }
    }

    private func rules(_ texts: String...) throws -> [HostRule] { try texts.map { try HostRule(parsing: $0) } }
}
