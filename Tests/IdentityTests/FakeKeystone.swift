import Foundation
import Identity
import Logging
import Synchronization
import TestSupport

/// A Keystone that answers as it is told, and counts.
final class FakeKeystone: Sendable {
    struct Counts: Sendable {
        var logins = 0
        var questions = 0
    }

    typealias Answer = @Sendable (_ count: Int) -> [ScriptedHTTPServer.Step]

    let server: ScriptedHTTPServer
    private let counts: Counter

    var logins: Int { counts.value.withLock(\.logins) }
    var questions: Int { counts.value.withLock(\.questions) }
    var url: String { "http://127.0.0.1:\(server.port)" }

    /// One that knows every token, unless `question` says otherwise.
    convenience init(question: @escaping Answer = FakeKeystone.usual) async throws {
        try await self.init(login: { _ in FakeKeystone.session() }, question: question)
    }

    /// - Parameters:
    ///   - login: what the n-th login gets, from 1 on.
    ///   - question: what the n-th question about a token gets.
    init(login: @escaping Answer, question: @escaping Answer) async throws {
        let counts = Counter()
        self.counts = counts
        server = try await ScriptedHTTPServer { request in
            let count = counts.value.withLock { counts in
                if request.method == "POST" {
                    counts.logins += 1
                    return counts.logins
                }
                counts.questions += 1
                return counts.questions
            }
            return request.method == "POST" ? login(count) : question(count)
        }
    }

    private final class Counter: Sendable {
        let value = Mutex(Counts())
    }

    static let usual: Answer = { _ in FakeKeystone.answer(200, FakeKeystone.token()) }

    static func token(_ scope: String = #""project": {"id": "p1"}"#, expiresIn seconds: Double = 3600) -> String {
        let end = Date(timeIntervalSinceNow: seconds).formatted(.iso8601)
        return #"{"token": {"user": {"id": "u1"}, "roles": [{"id": "r", "name": "Member"}, {"name": "reader"}], "#
            + #""expires_at": "\#(end)", \#(scope)}}"#
    }

    static func answer(_ status: Int, _ body: String = "{}", _ headers: String = "") -> [ScriptedHTTPServer.Step] {
        [
            .send(
                "HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\(headers)\r\n\(body)"
            )
        ]
    }

    static func session(expiresIn seconds: Double = 3600, token name: String = "own") -> [ScriptedHTTPServer.Step] {
        answer(201, token(expiresIn: seconds), "X-Subject-Token: \(name)\r\n")
    }

    /// Runs `body` with a verifier that asks this Keystone.
    func verify(
        _ configure: (inout KeystoneConfiguration) -> Void = { _ in },
        _ body: (KeystoneVerifier) async throws -> Void
    ) async throws {
        var configuration = KeystoneConfiguration(
            authURL: url + "/v3/",
            credentials: .password(
                user: "longshore", domain: .id("default"), password: "hunter2", project: nil))
        configure(&configuration)
        let silent = Logger(label: "identity.test") { _ in SwiftLogNoOpLogHandler() }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(try KeystoneVerifier(configuration, logger: silent)))
        } catch { result = .failure(error) }
        try await server.stop()
        try result.get()
    }
}
