import Foundation
import Identity
import ImportModel
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct KeystoneVerifierTests {
    @Test func `A valid token is its user's, in its project, with its roles in small letters, and is asked about once`()
        async throws
    {
        let keystone = try await FakeKeystone()
        try await keystone.verify { verifier in
            for _ in 0..<3 {
                let principal = try #require(try await verifier.principal(of: "abc"))
                #expect(principal.user == "u1" && principal.scope == .project("p1"))
                #expect(principal.roles == ["member", "reader"])
            }
            #expect(keystone.logins == 1 && keystone.questions == 1)
            let request = try #require(keystone.server.requests.last)
            #expect(request.target == "/v3/auth/tokens?nocatalog")
            #expect(request.headers["x-auth-token"] == "own" && request.headers["x-subject-token"] == "abc")
            // Another token is another question.
            _ = try await verifier.principal(of: "abd")
            #expect(keystone.questions == 2)
        }
    }

    @Test(arguments: [
        (#""domain": {"id": "d1"}"#, Principal.Scope.domain("d1")), (#""system": {"all": true}"#, .system),
        (#""system": {"all": false}"#, .nothing), (#""is_domain": false"#, .nothing),
    ]) func `Other scopes than a project's are told apart`(written: String, scope: Principal.Scope) async throws {
        let keystone = try await FakeKeystone { _ in FakeKeystone.answer(200, FakeKeystone.token(written)) }
        try await keystone.verify { verifier in
            let principal = try await verifier.principal(of: "abc")
            #expect(principal?.scope == scope)
        }
    }

    @Test func `Without a cache every request is a question`() async throws {
        let keystone = try await FakeKeystone()
        try await keystone.verify({ $0.cacheTime = .zero }) { verifier in
            for _ in 0..<3 { _ = try #require(try await verifier.principal(of: "abc")) }
            #expect(keystone.questions == 3 && keystone.logins == 1)
        }
    }

    @Test func `A token is believed no longer than it lasts, and one whose end is past is not`() async throws {
        let keystone = try await FakeKeystone { count in
            FakeKeystone.answer(200, FakeKeystone.token(expiresIn: count == 1 ? 2 : -5))
        }
        try await keystone.verify { verifier in
            #expect(try await verifier.principal(of: "abc") != nil)
            try await eventually { try await verifier.principal(of: "abc") == nil }
            #expect(keystone.questions == 2)
        }
    }

    @Test func `A token that was revoked is refused once the cache's time is over`() async throws {
        let keystone = try await FakeKeystone { count in
            count == 1 ? FakeKeystone.answer(200, FakeKeystone.token()) : FakeKeystone.answer(404)
        }
        try await keystone.verify({ $0.cacheTime = .milliseconds(300) }) { verifier in
            #expect(try await verifier.principal(of: "abc") != nil)
            try await eventually { try await verifier.principal(of: "abc") == nil }
            // That it is not valid is remembered too.
            for _ in 0..<5 { #expect(try await verifier.principal(of: "abc") == nil) }
            #expect(keystone.questions == 2)
        }
    }

    @Test func `Many who bring the same token at once share one question`() async throws {
        let keystone = try await FakeKeystone { _ in
            [.pause(.milliseconds(500))] + FakeKeystone.answer(200, FakeKeystone.token())
        }
        try await keystone.verify { verifier in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 { group.addTask { try await verifier.principal(of: "abc") != nil } }
                for try await isValid in group { #expect(isValid) }
            }
            #expect(keystone.questions == 1 && keystone.logins == 1)
        }
    }

    @Test func `When the one who asked gives up, another one asks`() async throws {
        let keystone = try await FakeKeystone { count in
            count == 1 ? [.hang] : FakeKeystone.answer(200, FakeKeystone.token())
        }
        try await keystone.verify { verifier in
            let first = Task { try await verifier.principal(of: "abc") }
            try await eventually { keystone.questions == 1 }
            let second = Task { try await verifier.principal(of: "abc") }
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(try await second.value != nil)
            #expect(keystone.questions == 2)
        }
    }

    @Test func `Few calls are under way at once, however many tokens come`() async throws {
        let calls = Calls()
        let keystone = try await FakeKeystone { _ in
            calls.begin()
            // Over before its answer goes out, so that the next call cannot be there before.
            return [.pause(.milliseconds(50)), .note { calls.end() }] + FakeKeystone.answer(200, FakeKeystone.token())
        }
        try await keystone.verify { verifier in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<100 {
                    group.addTask { try await verifier.principal(of: "t\(index)") != nil }
                }
                for try await isValid in group { #expect(isValid) }
            }
        }
        #expect(keystone.questions == 100)
        #expect((2...8).contains(calls.most), "\(calls.most) calls were under way at once")
    }

    @Test func `Our own token is renewed when Keystone no longer knows it, and before it ends`() async throws {
        let keystone = try await FakeKeystone(login: { FakeKeystone.session(token: "own\($0)") }) { count in
            count == 2 ? FakeKeystone.answer(401) : FakeKeystone.answer(200, FakeKeystone.token())
        }
        try await keystone.verify { verifier in
            for token in ["a", "b"] { _ = try #require(try await verifier.principal(of: token)) }
            #expect(keystone.logins == 2)
            #expect(keystone.server.requests.last?.headers["x-auth-token"] == "own2")
        }
        let forgetful = try await FakeKeystone(
            login: { _ in FakeKeystone.session(expiresIn: 2) }, question: FakeKeystone.usual)
        try await forgetful.verify { verifier in
            try await eventually {
                _ = try #require(try await verifier.principal(of: "\(UUID())"))
                return forgetful.logins >= 2
            }
        }
    }

    @Test func `Keystone that never knows the token it gave is asked twice and no more`() async throws {
        let keystone = try await FakeKeystone { _ in FakeKeystone.answer(401) }
        try await keystone.verify { verifier in
            await #expect(throws: IdentityError.self) { try await verifier.principal(of: "abc") }
            #expect(keystone.logins == 2 && keystone.questions == 2)
        }
    }

    @Test func `A wrong password is told without it, and not tried again at once`() async throws {
        let keystone = try await FakeKeystone(login: { _ in FakeKeystone.answer(401) }, question: FakeKeystone.usual)
        try await keystone.verify { verifier in
            for token in ["a", "b", "c"] {
                let error = await #expect(throws: IdentityError.self) { try await verifier.principal(of: token) }
                guard case .misconfigured(let text) = error else {
                    Issue.record("\(error as Any)")
                    continue
                }
                #expect(text.contains("password") && text.contains("401") && !text.contains("hunter2"))
            }
            #expect(keystone.logins == 1 && keystone.questions == 0)
        }
    }

    @Test func `A user that may not check tokens is told of, by the check as well`() async throws {
        let keystone = try await FakeKeystone { count in
            count == 1 ? FakeKeystone.answer(200, FakeKeystone.token()) : FakeKeystone.answer(403)
        }
        try await keystone.verify { verifier in
            let weak = await #expect(throws: IdentityError.self) { try await verifier.check() }
            #expect("\(weak as Any)".contains("neither the role 'service' nor 'admin'"))
            let refused = await #expect(throws: IdentityError.self) { try await verifier.principal(of: "abc") }
            #expect("\(refused as Any)".contains("'service'"))
        }
    }

    /// What something answers that is no Keystone, or a broken one.
    private static let rubbish: [[ScriptedHTTPServer.Step]] = [
        FakeKeystone.answer(200, "<html>hello</html>"), FakeKeystone.answer(200, "{}"),
        FakeKeystone.answer(200, #"{"token": {"user": {"id": "u"}, "expires_at": "soon"}}"#),
        FakeKeystone.answer(200, #"{"token": {"user": "u", "expires_at": null}}"#),
        FakeKeystone.answer(500), FakeKeystone.answer(503),
        FakeKeystone.answer(302, "", "Location: http://127.0.0.1:1/\r\n"),
        FakeKeystone.answer(0), FakeKeystone.answer(42), FakeKeystone.answer(204),
        [.send("SSH-2.0-OpenSSH_9.2\r\n")], [.cut], [.reset], [.hang],
        [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), .hang],
        [.send("HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n"), .stream(bytes: 4_000_000)],
        [.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")]
            + (0..<100).flatMap { _ in [ScriptedHTTPServer.Step.send(" "), .pause(.milliseconds(100))] },
    ]

    @Test(arguments: rubbish.indices)
    func `What is no answer says nothing about the token, neither yes nor no`(index: Int) async throws {
        let keystone = try await FakeKeystone { _ in Self.rubbish[index] }
        try await keystone.verify({ $0.timeout = .seconds(1) }) { verifier in
            let error = await #expect(throws: IdentityError.self) { try await verifier.principal(of: "abc") }
            guard case .unavailable(let text) = error else {
                Issue.record("\(error as Any)")
                return
            }
            #expect(text.contains("Keystone at http://127.0.0.1") && !text.contains("abc") && !text.contains("own"))
        }
        let atLogin = try await FakeKeystone(login: { _ in Self.rubbish[index] }, question: FakeKeystone.usual)
        try await atLogin.verify({ $0.timeout = .seconds(1) }) { verifier in
            await #expect(throws: IdentityError.self) { try await verifier.principal(of: "abc") }
            #expect(atLogin.questions == 0)
        }
    }

    @Test func `What cannot be a token is not asked about`() async throws {
        let keystone = try await FakeKeystone()
        try await keystone.verify { verifier in
            for token in ["", "a b", "a\r\nX-Evil: 1", "å", String(repeating: "a", count: 8193)] {
                let principal = try await verifier.principal(of: token)
                #expect(principal == nil)
            }
            #expect(keystone.questions == 0 && keystone.logins == 0)
        }
    }

    @Test func `The challenge names Keystone as clients reach it`() async throws {
        let keystone = try await FakeKeystone()
        try await keystone.verify({ $0.publicURL = "https://keystone.example.org/" }) { verifier in
            #expect(verifier.challenge == #"Keystone uri="https://keystone.example.org/v3""#)
        }
    }
}

/// Counts calls while they are under way.
private final class Calls: Sendable {
    private let counts = Mutex((now: 0, most: 0))

    var most: Int { counts.withLock(\.most) }

    func begin() { counts.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }
    func end() { counts.withLock { $0.now -= 1 } }
}
