import Foundation
import ImportModel
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestSupport
import Testing

@testable import WebSource

@Suite struct WebSourceTests {
    @Test func `a source is asked for by name at the address that was vetted, once resolved`() async throws {
        try await withServer({ _ in ScriptedHTTPServer.answer(body: "the image") }) { server in
            let names = FixedResolver(["images.example": ["127.0.0.1"]])
            let source = try WebSource(policy: local(), resolver: names)
            let url = "http://user:p%40ss@images.example:\(server.port)/a.img?x=1#frag"
            let (received, length, shown) = try await source.withSource(url) { source in
                (try await text(source), source.contentLength, source.url)
            }
            #expect(received == "the image")
            #expect(length == 9)
            #expect(shown == "http://images.example:\(server.port)/a.img")
            #expect(names.asked == ["images.example"])
            let request = try #require(server.requests.first)
            #expect(request.method == "GET")
            #expect(request.target == "/a.img?x=1")
            #expect(request.headers["host"] == "images.example:\(server.port)")
            #expect(request.headers["accept-encoding"] == "identity")
            #expect(request.headers["authorization"] == "Basic " + Data("user:p@ss".utf8).base64EncodedString())
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test func `a name that leads to a forbidden address is refused without a connection`() async throws {
        try await withServer({ _ in ScriptedHTTPServer.answer() }) { server in
            for answers in [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"]] {
                let source = try WebSource(resolver: FixedResolver(["images.example": answers]))
                await #expect {
                    try await source.withSource("http://images.example:\(server.port)/") { _ in }
                } throws: { if case SourceError.refused = $0 { true } else { false } }
            }
            #expect(server.requests.isEmpty)
        }
    }

    @Test func `a host is reached by another of its addresses if one does not answer`() async throws {
        try await withServer({ _ in ScriptedHTTPServer.answer(body: "x") }) { server in
            let names = FixedResolver(["images.example": ["127.0.0.2", "127.0.0.1"]])
            let source = try WebSource(policy: local(), resolver: names)
            #expect(try await source.withSource("http://images.example:\(server.port)/", text) == "x")
        }
    }

    @Test func `the system's resolver finds loopback and says when there is no such name`() async throws {
        let resolver = SystemResolver(threads: .singleton)
        #expect(try await resolver.resolve("localhost").contains { "\($0)" == "127.0.0.1" || "\($0)" == "::1" })
        await #expect(throws: HostResolverError.self) { try await resolver.resolve("nobody.invalid") }
    }

    @Test func `a name that nobody waits for any more takes no thread from others`() async throws {
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let (stuck, release) = (AsyncStream.makeStream(of: Void.self), DispatchSemaphore(value: 0))
        let asked = Mutex<[String]>([])
        let resolver = SystemResolver(threads: threads) { name in
            asked.withLock { $0.append(name) }
            if name == "stuck" {
                stuck.continuation.yield()
                release.wait()
            }
            return []
        }
        let first = Task { try await resolver.resolve("stuck") }
        for await _ in stuck.stream { break }
        for name in ["b", "c"] {
            let given = Task { try await resolver.resolve(name) }
            given.cancel()
            _ = await given.result
        }
        async let good = resolver.resolve("good")
        release.signal()
        #expect(try await good == [])
        #expect(try await first.value == [])
        #expect(asked.withLock(\.self) == ["stuck", "good"])
        try await threads.shutdownGracefully()
    }

    @Test func `name servers that do not answer are not waited for longer than the limit`() async throws {
        let source = try WebSource(limits: SourceLimits(connect: .milliseconds(50)), resolver: SilentResolver())
        await #expect {
            try await source.withSource("http://images.example/") { _ in }
        } throws: { if case SourceError.transient = $0 { true } else { false } }
    }

    @Test(arguments: [
        ("200 OK", "Content-Encoding: gzip", false), ("204 No Content", "X: y", false),
        ("206 Partial Content", "X: y", false),
        ("301 Moved Permanently", "X: y", false), ("304 Not Modified", "X: y", false),
        ("400 Bad Request", "X: y", false),
        ("401 Unauthorized", "X: y", false), ("403 Forbidden", "X: y", false), ("404 Not Found", "X: y", false),
        ("410 Gone", "X: y", false), ("416 Range", "X: y", false), ("408 Request Timeout", "X: y", true),
        ("425 Too Early", "X: y", true), ("429 Too Many Requests", "Retry-After: 7", true),
        ("500 Oops", "X: y", true), ("502 Bad Gateway", "X: y", true),
        ("503 Service Unavailable", "Retry-After: 7", true),
    ])
    func `an answer that brings no image is told for what it is`(
        status: String, header: String, mayPass: Bool
    ) async throws {
        try await withServer({ _ in ScriptedHTTPServer.answer(status, headers: [header], body: "x") }) { server in
            let fault = try await fault(of: server.url("/a?token=secret"))
            switch fault {
            case .permanent: #expect(!mayPass)
            case .transient(_, let after):
                #expect(mayPass)
                #expect(after == (header.hasPrefix("Retry") ? .seconds(7) : nil))
            case .refused: Issue.record("refused: \(fault)")
            }
            #expect(fault.description.contains(server.url("/a")))
            #expect(!fault.description.contains("secret"))
        }
    }

    @Test func `a date to retry after is understood`() async throws {
        let header = "Retry-After: Fri, 31 Dec 2199 23:59:59 GMT"
        try await withServer({ _ in ScriptedHTTPServer.answer("503 Busy", headers: [header]) }) { server in
            guard case .transient(_, .some(.seconds(86400))) = try await fault(of: server.url()) else {
                Issue.record("no wait")
                return
            }
        }
    }

    /// What a server may do to a body or instead of an answer; whether another attempt may help.
    @Test(
        arguments: [
            ([.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")], true),
            ([.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), .reset], true),
            ([.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), .hang], true),
            ([.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")], true),
            ([.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")], true),
            ([.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabcde\r\n")], true),
            ([.send("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"), .hang], false),
            ([.send("HTTP/1.1 200 OK\r\n\r\n"), .stream(bytes: 101)], false),
            ([.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")], false),
            ([.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nab")], false),
            ([.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc"), .hang], false),
            ([.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"), .send("c")], false),
            ([.send("HTTP/1.1 200 OK\r\nX: \(String(repeating: "a", count: 200_000))\r\n\r\nab")], false),
            ([.send("SSH-2.0-OpenSSH_9.2\r\n"), .hang], false),
            ([.send("HTTP/1.1 200 OK\r\n")], true),
            ([.hang], true), ([], true), ([.reset], true),
        ] as [([ScriptedHTTPServer.Step], Bool)])
    func `a broken answer is never a whole image`(steps: [ScriptedHTTPServer.Step], mayPass: Bool) async throws {
        try await withServer({ _ in steps }) { server in
            let isSilent = if case .hang? = steps.first { true } else { false }
            let fault = try await fault(of: server.url(), headers: isSilent ? .milliseconds(100) : .seconds(10))
            if case .transient = fault { #expect(mayPass, "\(fault)") } else { #expect(!mayPass, "\(fault)") }
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test func `bodies without a length end with the connection, or with their last chunk`() async throws {
        try await withServer({ request in
            request.target == "/chunked"
                ? [.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), .hang]
                : [.send("HTTP/1.1 200 OK\r\n\r\nabc")]
        }) { server in
            let source = try WebSource(policy: local(), resolver: FixedResolver([:]))
            #expect(try await source.withSource(server.url("/chunked"), text) == "abc")
            #expect(try await source.withSource(server.url("/plain"), text) == "abc")
        }
    }

    @Test func `redirects are followed, with credentials to the same origin only`() async throws {
        try await withServer({ _ in ScriptedHTTPServer.answer(body: "x") }) { other in
            let otherPort = other.port
            try await withServer({ request in
                switch request.target {
                case "/a": ScriptedHTTPServer.answer("302 Found", headers: ["Location: b?c"])
                case "/b?c":
                    ScriptedHTTPServer.answer("307 Moved", headers: ["Location: http://127.0.0.1:\(otherPort)/d"])
                default: ScriptedHTTPServer.answer("404 Not Found")
                }
            }) { server in
                let source = try WebSource(policy: local(), resolver: FixedResolver([:]))
                let url = "http://u:p@127.0.0.1:\(server.port)/a"
                let shown = try await source.withSource(url) { source in source.url }
                #expect(shown == other.url("/d"))
                #expect(server.requests.map { $0.headers["authorization"] != nil } == [true, true])
                #expect(other.requests.map { $0.headers["authorization"] } == [nil])
            }
        }
    }

    @Test func `redirects that never end are given up after five`() async throws {
        try await withServer({ _ in ScriptedHTTPServer.answer("301 Moved", headers: ["Location: /again"]) }) { server in
            guard case .permanent = try await fault(of: server.url()) else {
                Issue.record("not permanent")
                return
            }
            #expect(server.requests.count == 6)
        }
    }

    @Test(arguments: [
        "http://169.254.169.254/latest", "http://10.0.0.1/", "http://[::1]:8080/", "ftp://8.8.8.8/",
        "http://evil.example/",
        "http://2130706433/", "file:///etc/passwd",
    ])
    func `a redirect to where nobody may go is refused`(location: String) async throws {
        try await withServer({ _ in ScriptedHTTPServer.answer("302 Found", headers: ["Location: \(location)"]) }) {
            server in
            guard case .refused = try await fault(of: server.url()) else {
                Issue.record("not refused")
                return
            }
        }
    }

    @Test func `a refused connection and an unknown host are told`() async throws {
        let server = try await ScriptedHTTPServer { _ in [] }
        try await server.stop()
        let refused = try await fault(of: server.url())
        guard case .transient = refused else {
            Issue.record("\(refused)")
            return
        }
        let unknown = try await fault(of: "http://nobody.example/")
        guard case .permanent = unknown else {
            Issue.record("\(unknown)")
            return
        }
    }

    @Test func `cancelling and failing close the connection`() async throws {
        try await withServer({ _ in [.send("HTTP/1.1 200 OK\r\n\r\nabc"), .hang] }) { server in
            let source = try WebSource(policy: local(), resolver: FixedResolver([:]))
            await #expect(throws: TestFault()) {
                try await source.withSource(server.url()) { _ in throw TestFault() }
            }
            try await eventually { server.openConnections == 0 }
            let (began, begin) = AsyncStream.makeStream(of: Void.self)
            let reading = Task {
                try await source.withSource(server.url()) { source in
                    for try await _ in source.body { begin.yield() }
                }
            }
            for await _ in began { break }
            reading.cancel()
            await #expect(throws: CancellationError.self) { try await reading.value }
            try await eventually { server.openConnections == 0 }
        }
        try await withServer({ _ in [.hang] }) { server in
            let source = try WebSource(policy: local(), resolver: FixedResolver([:]))
            let waiting = Task { try await source.withSource(server.url()) { _ in } }
            try await eventually { server.requests.count == 1 }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test func `a visit may be cancelled at any of its steps`() async throws {
        try await withServer({ _ in ScriptedHTTPServer.answer(body: "x") }) { server in
            let source = try WebSource(policy: local(), resolver: FixedResolver([:]))
            for url in [server.url(), "http://127.0.0.2:\(server.port)/"] {
                for step in 0..<400 {
                    let visit = Task { try await source.withSource(url) { _ = try await text($0) } }
                    for _ in 0..<step % 40 { await Task.yield() }
                    visit.cancel()
                    _ = await visit.result
                }
            }
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test func `a source is read no faster than its bytes are taken`() async throws {
        let total: Int64 = 256 << 20
        try await withServer({ _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n"), .stream(bytes: total)]
        }) { server in
            let limits = SourceLimits(idle: .seconds(1))
            let source = try WebSource(policy: local(), limits: limits, resolver: FixedResolver([:]))
            let received = try await source.withSource(server.url()) { source in
                var received: Int64 = 0
                for try await bytes in source.body {
                    if received == 0 {
                        // Until nothing moves any more; longer than the limit on waiting, which is not ours to suffer.
                        var last: Int64 = -1
                        try await eventually {
                            try await Task.sleep(for: .milliseconds(1200))
                            defer { last = server.streamedBytes }
                            return last == server.streamedBytes
                        }
                        #expect(server.streamedBytes < 32 << 20)
                    }
                    received += Int64(bytes.readableBytes)
                }
                return received
            }
            #expect(received == total)
        }
    }

    @Test func `a source that takes too long in all is given up, whatever it sends`() async throws {
        try await withServer({ _ in [.send("HTTP/1.1 200 OK\r\n\r\nabc"), .hang] }) { server in
            let limits = SourceLimits(total: .milliseconds(500))
            let source = try WebSource(policy: local(), limits: limits, resolver: FixedResolver([:]))
            await #expect {
                try await source.withSource(server.url(), text)
            } throws: { if case SourceError.transient = $0 { true } else { false } }
            try await eventually { server.openConnections == 0 }
        }
    }

    @Test func `certificates are checked against the name and the authorities that are trusted`() async throws {
        let folder = try temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificates = try TestCertificates(in: folder)
        let tls = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: NIOSSLCertificate.fromPEMFile(certificates.serverCertificate).map {
                    .certificate($0)
                },
                privateKey: .privateKey(NIOSSLPrivateKey(file: certificates.serverKey, format: .pem))))
        let names = FixedResolver(["localhost": ["127.0.0.1"], "images.example": ["127.0.0.1"]])
        try await withServer(
            tls: tls, { ScriptedHTTPServer.answer(body: "x") + ($0.target == "/cut" ? [.cut] : []) }
        ) { server in
            let trusting = try WebSource(policy: local(), resolver: names, caFile: certificates.authority)
            let strict = try WebSource(policy: local(), resolver: names)
            #expect(try await trusting.withSource("https://localhost:\(server.port)/", text) == "x")
            #expect(try await trusting.withSource("https://127.0.0.1:\(server.port)/", text) == "x")
            #expect(try await trusting.withSource("https://localhost:\(server.port)/cut", text) == "x")
            for (source, host) in [(strict, "localhost"), (trusting, "images.example")] {
                await #expect {
                    try await source.withSource("https://\(host):\(server.port)/", text)
                } throws: { if case SourceError.permanent = $0 { true } else { false } }
            }
            #expect(
                server.requests.prefix(2).map { $0.headers["host"] }
                    == ["localhost:\(server.port)", "127.0.0.1:\(server.port)"])
            #expect(server.requests.count == 3)
        }
        try await withServer({ _ in ScriptedHTTPServer.answer() }) { server in
            let fault = try await fault(of: "https://127.0.0.1:\(server.port)/")
            guard case .permanent = fault else {
                Issue.record("\(fault)")
                return
            }
        }
    }

    /// How a source of small limits fails.
    private func fault(of url: String, headers: Duration = .seconds(10)) async throws -> SourceError {
        let limits = SourceLimits(headers: headers, idle: .milliseconds(300), maxBytes: 100)
        let source = try WebSource(
            policy: local(), limits: limits, resolver: FixedResolver(["evil.example": ["10.9.8.7"]]))
        let error = await #expect(throws: SourceError.self) { try await source.withSource(url, text) }
        return try #require(error)
    }

    private func local() throws -> SourcePolicy { SourcePolicy(allow: [try HostRule(parsing: "127.0.0.0/8")]) }

    private func withServer(
        tls: NIOSSLContext? = nil, _ script: @escaping ScriptedHTTPServer.Script,
        _ body: (ScriptedHTTPServer) async throws -> Void
    ) async throws {
        let server = try await ScriptedHTTPServer(tls: tls, script)
        do { try await body(server) } catch {
            try await server.stop()
            throw error
        }
        try await server.stop()
    }
}

@Sendable private func text(_ source: OpenedSource) async throws -> String {
    var all = ByteBuffer()
    for try await bytes in source.body { all.writeImmutableBuffer(bytes) }
    return String(buffer: all)
}

private struct TestFault: Error, Equatable {}

/// Answers from a table and notes what it was asked.
private final class FixedResolver: HostResolver {
    private let table: [String: [String]]
    private let names = Mutex<[String]>([])

    init(_ table: [String: [String]]) { self.table = table }

    var asked: [String] { names.withLock { $0 } }

    func resolve(_ name: String) async throws -> [IPAddress] {
        names.withLock { $0.append(name) }
        guard let found = table[name] else { throw HostResolverError.noSuchName }
        return found.compactMap { IPAddress($0) }
    }
}

private struct SilentResolver: HostResolver {
    func resolve(_ name: String) async throws -> [IPAddress] {
        try await Task.sleep(for: .seconds(3600))
        return []
    }
}
