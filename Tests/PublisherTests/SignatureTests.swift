import Foundation
import TestSupport
import Testing

@testable import Publisher

/// What `gpgv` says of real keys and signatures, and what is made of it.
@Suite struct SignatureTests {
    private static let text = Array("0123  disk.img\n".utf8)

    private func refusal(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            Issue.record("it was believed")
            return ""
        } catch PublisherError.refused(let reason) {
            return reason
        } catch {
            Issue.record(error)
            return ""
        }
    }

    private func verify(
        _ keys: TestKeys, _ bytes: [UInt8], _ signature: [UInt8]? = nil
    ) async throws -> SignatureVerifier.Signed {
        try await SignatureVerifier(keyrings: ["them": keys.keyring])
            .verify(bytes, signature: signature, by: "them", url: "https://example.org/SUMS")
    }

    @Test func `a detached signature is believed, in binary and in armour`() async throws {
        try await withKeys { keys in
            for options in [[], ["--armor"]] {
                let signed = try await verify(keys, Self.text, try keys.detached(Self.text, options))
                #expect(signed.text == Self.text)
                #expect(signed.signers == [keys.fingerprint])
            }
        }
    }

    @Test func `a text with its signature in it is believed, and nothing around it`() async throws {
        try await withKeys { keys in
            let signed = try keys.clearsigned(Self.text)
            #expect(try await verify(keys, signed).text == Self.text)
            #expect(try await verify(keys, try keys.signed(Self.text)).text == Self.text)
            let surrounded = Array("6666  disk.img\n".utf8) + signed + Array("6666  disk.img\n".utf8)
            #expect(try await verify(keys, surrounded).text == Self.text)
        }
    }

    @Test func `what was changed, or was never signed, is refused`() async throws {
        try await withKeys { keys in
            let signature = try keys.detached(Self.text)
            let (clear, opaque) = (try keys.clearsigned(Self.text), try keys.signed(Self.text))
            let forged = Array("6666  disk.img\n".utf8)
            let changed = Array(String(decoding: clear, as: UTF8.self).replacing("disk.img", with: "evil.img").utf8)
            let cases: [(bytes: [UInt8], signature: [UInt8]?, reason: String)] = [
                (Self.text + [10], signature, "not of this text"), (forged, signature, "not of this text"),
                (changed, nil, "not of this text"), (Self.text, nil, "no signature"),
                (Self.text, Self.text, "no signature"), ([], [], "no signature"), (signature, nil, "check"),
                // Two signed texts in one file, and signatures that bring a text of their own.
                (clear + clear, nil, "more in it"), (forged, clear, "check"), (forged, opaque, "check"),
            ]
            for (number, one) in cases.enumerated() {
                let reason = await refusal { _ = try await verify(keys, one.bytes, one.signature) }
                #expect(reason.contains(one.reason), "\(number): \(reason)")
            }
        }
    }

    @Test func `a key that the keyring does not have says nothing, also beside one that it has`() async throws {
        try await withKeys { keys in
            try await withKeys { strangers in
                let theirs = try strangers.detached(Self.text)
                #expect(await refusal { _ = try await verify(keys, Self.text, theirs) }.contains("does not have"))
                let both = try keys.detached(Self.text) + theirs
                #expect(try await verify(keys, Self.text, both).signers == [keys.fingerprint])
                let forged = try keys.detached(Self.text) + strangers.detached([1])
                #expect(try await verify(keys, Self.text, forged).signers == [keys.fingerprint])
                let spoilt = try keys.detached(Self.text) + keys.detached([1])
                #expect(await refusal { _ = try await verify(keys, Self.text, spoilt) }.contains("not of this"))
            }
        }
    }

    @Test func `expired keys and signatures, and weak digests, are refused`() async throws {
        try await withKeys(daysAgo: 10, expires: "5d") { keys in
            let signature = try keys.detached(Self.text)
            #expect(await refusal { _ = try await verify(keys, Self.text, signature) }.contains("has expired"))
        }
        try await withKeys(daysAgo: 10) { keys in
            let expired = try keys.detached(Self.text, ["--default-sig-expire", "2d"])
            #expect(await refusal { _ = try await verify(keys, Self.text, expired) }.contains("has expired"))
            let weak = try keys.detached(Self.text, ["--digest-algo", "SHA1"])
            #expect(await refusal { _ = try await verify(keys, Self.text, weak) }.contains("not trusted"))
        }
    }

    @Test func `a keyring or a gpgv that is not there is this machine's fault`() async throws {
        try await withKeys { keys in
            let (text, signature) = (Self.text, try keys.detached(Self.text))
            for verifier in [
                SignatureVerifier(keyrings: [:]), SignatureVerifier(keyrings: ["them": "/nonexistent"]),
                SignatureVerifier(keyrings: ["them": keys.keyring], program: "/nonexistent"),
            ] {
                await #expect {
                    try await verifier.verify(text, signature: signature, by: "them", url: "x")
                } throws: { if case PublisherError.machine = $0 { true } else { false } }
            }
        }
    }

    @Test func `a gpgv that hangs, floods or is killed ends, and decides nothing`() async throws {
        try await withKeys { keys in
            for work in ["sleep 600 & wait", "while :; do echo '[GNUPG:] x'; done", "kill -9 $$"] {
                let program = try keys.program(work)
                let verifier = SignatureVerifier(
                    keyrings: ["them": keys.keyring], program: program, patience: .milliseconds(400))
                await #expect("\(work)") {
                    try await verifier.verify(Self.text, signature: [1], by: "them", url: "x")
                } throws: { if case PublisherError.passing = $0 { true } else { false } }
            }
        }
    }

    @Test func `gpgv gets no environment, no descriptors and limits, and leaves nothing behind`() async throws {
        try await withKeys { keys in
            let report = keys.folder.appending(path: "report").path
            let program = try keys.program(
                "{ /usr/bin/env; ls /proc/self/fd | wc -l; ulimit -t; ulimit -f; echo \"$*\"; } > \(report)")
            _ = await refusal {
                let verifier = SignatureVerifier(keyrings: ["them": keys.keyring], program: program)
                _ = try await verifier.verify(Self.text, signature: [1], by: "them", url: "x")
            }
            let lines = try String(contentsOfFile: report, encoding: .utf8).split(separator: "\n").map(String.init)
            // What the shell sets for itself.
            let variables = lines.filter { $0.contains("=") && !$0.contains(" ") }
            #expect(variables.allSatisfy { ["PWD", "OLDPWD", "_", "SHLVL"].contains($0.prefix { $0 != "=" }) })
            // Its three, and the folder that is listed.
            #expect(lines.contains("4"))
            #expect(lines.contains("10"))
            #expect(lines.contains("4096"))
            let words = try #require(lines.last).split(separator: " ").map(String.init)
            let home = try #require(words.firstIndex(of: "--homedir").map { words[$0 + 1] })
            #expect(!FileManager.default.fileExists(atPath: home))
        }
    }
}
