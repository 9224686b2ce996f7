import Foundation
import ImportModel
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import WebSource

/// What nobody may reach is not even knocked at: a listener on every address of this machine hears nothing.
@Suite struct SourceGuardTests {
    @Test func `no spelling of what is forbidden sends a packet`() async throws {
        try await withListener { listener in
            let source = try WebSource(resolver: HereResolver())
            for url in try Self.table(port: listener.port) {
                await #expect("\(url.debugDescription)") {
                    try await source.withSource(url) { _ in }
                } throws: { if case SourceError.refused = $0 { true } else { false } }
            }
            #expect(listener.count == 0)
            try await hears(listener)
        }
    }

    @Test func `no redirect to what is forbidden sends a packet`() async throws {
        try await withListener { listener in
            let targets = try Self.table(port: listener.port)
                .filter { url in !url.unicodeScalars.contains { $0.value < 0x20 } }
            #expect(targets.count > 200)
            let server = try await ScriptedHTTPServer { request in
                let number = Int(request.target.dropFirst())
                guard let number else { return ScriptedHTTPServer.answer("404 Not Found") }
                return ScriptedHTTPServer.answer("302 Found", headers: ["Location: \(targets[number])"])
            }
            let source = try WebSource(
                policy: SourcePolicy(allow: [try HostRule(parsing: "start.example")]), resolver: HereResolver())
            for number in targets.indices {
                await #expect(throws: SourceError.self, "\(targets[number])") {
                    try await source.withSource("http://start.example:\(server.port)/\(number)") { _ in }
                }
            }
            #expect(server.requests.count >= targets.count)
            #expect(listener.count == 0)
            try await server.stop()
        }
    }

    @Test func `a name that leads elsewhere when asked again is asked once, and again only for a redirect`()
        async throws
    {
        try await withListener { listener in
            let server = try await ScriptedHTTPServer { request in
                request.target == "/moved"
                    ? ScriptedHTTPServer.answer(
                        "302 Found", headers: ["Location: http://images.example:\(listener.port)/"])
                    : ScriptedHTTPServer.answer(body: "x")
            }
            // The first answer is allowed, all later ones are not.
            let policy = SourcePolicy(allow: [try HostRule(parsing: "127.0.0.1")])
            let once = TurningResolver(["127.0.0.1", "127.0.0.2"])
            let source = try WebSource(policy: policy, resolver: once)
            try await source.withSource("http://images.example:\(server.port)/") { _ in }
            #expect(once.asked == 1)
            let turned = TurningResolver(["127.0.0.1", "127.0.0.2"])
            let moved = try WebSource(policy: policy, resolver: turned)
            await #expect {
                try await moved.withSource("http://images.example:\(server.port)/moved") { _ in }
            } throws: { if case SourceError.refused = $0 { true } else { false } }
            #expect(turned.asked == 2)
            #expect(listener.count == 0)
            try await server.stop()
        }
    }

    @Test func `the table is as long as it says, and says nothing twice`() throws {
        let table = try Self.table(port: 1)
        #expect(table.count >= 380)
        #expect(Set(table.map { Array($0.utf8) }).count == table.count)
    }

    /// hostile-urls.txt with its escapes resolved.
    private static func table(port: Int) throws -> [String] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "hostile-urls.txt")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .filter { !$0.hasPrefix("#") }
            .map { line in
                let text = line.replacing("\"", with: "\\\"").replacing("{port}", with: "\(port)")
                return try JSONDecoder().decode(String.self, from: Data("\"\(text)\"".utf8))
            }
    }

    /// The listener is one that would have heard.
    private func hears(_ listener: Listener) async throws {
        let open = try WebSource(
            policy: SourcePolicy(allow: [try HostRule(parsing: "0.0.0.0/0"), try HostRule(parsing: "::/0")]),
            resolver: HereResolver())
        for host in ["127.0.0.1", "127.0.0.2", "[::1]", "images.example"] {
            let before = listener.count
            await #expect(throws: SourceError.self) {
                try await open.withSource("http://\(host):\(listener.port)/") { _ in }
            }
            #expect(listener.count > before, "\(host)")
        }
    }
}

/// Counts connections on all addresses of this machine, and closes them.
final class Listener: Sendable {
    let port: Int
    private let channel: any Channel
    private let accepted: Counter

    var count: Int { accepted.value.withLock { $0 } }

    init() async throws {
        let accepted = Counter()
        self.accepted = accepted
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { child in
                accepted.value.withLock { $0 += 1 }
                return child.close()
            }
            .bind(host: "::", port: 0).get()
        guard let port = channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        self.port = port
    }

    func stop() async throws { try await channel.close() }
}

private final class Counter: Sendable {
    let value = Mutex(0)
}

func withListener(_ use: (Listener) async throws -> Void) async throws {
    let listener = try await Listener()
    do { try await use(listener) } catch {
        try await listener.stop()
        throw error
    }
    try await listener.stop()
}

/// Every name is this machine.
private struct HereResolver: HostResolver {
    func resolve(_ name: String) async throws -> [IPAddress] { ["127.0.0.1", "::1"].compactMap { IPAddress($0) } }
}

/// Each time another answer, as of name servers whose owner means harm.
private final class TurningResolver: HostResolver {
    private let answers: [String]
    private let count = Mutex(0)
    var asked: Int { count.withLock { $0 } }

    init(_ answers: [String]) { self.answers = answers }

    func resolve(_ name: String) async throws -> [IPAddress] {
        let number = count.withLock { count in
            defer { count += 1 }
            return count
        }
        return [answers[min(number, answers.count - 1)]].compactMap { IPAddress($0) }
    }
}
