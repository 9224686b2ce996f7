import ImportModel
import LeaseStore
import TestSupport
import Testing

@testable import ImportWorker

/// Imports whose digest the publisher says: over real HTTP, with real keys.
@Suite struct PublishedChecksumTests {
    private static let body = "the bytes of an image"
    /// Of `body`, by sha256sum.
    private static let sha256 = "c4cb58a7ced38a9c5f95c3035efa9e5a0d1be6bf7c28dc83377398eef1632ad4"

    /// What lies where on the publisher's server.
    private typealias Site = [String: [ScriptedHTTPServer.Step]]

    private func serving<R>(_ site: Site, _ body: (ScriptedHTTPServer) async throws -> R) async throws -> R {
        let server = try await ScriptedHTTPServer { request in
            site[request.target] ?? ScriptedHTTPServer.answer("404 Not Found")
        }
        let result = await Result { try await body(server) }
        try await server.stop()
        return try result.get()
    }

    private func bytes(_ bytes: [UInt8]) -> [ScriptedHTTPServer.Step] {
        [.send("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)\r\n\r\n"), .sendBytes(bytes)]
    }

    private func sums(_ text: String) -> [ScriptedHTTPServer.Step] { ScriptedHTTPServer.answer(body: text) }
    private var image: [ScriptedHTTPServer.Step] { ScriptedHTTPServer.answer(body: Self.body) }

    private func ended(
        _ bench: WorkBench, _ server: ScriptedHTTPServer, image: String = "/disk.img", signature: String? = nil,
        keyrings: [String: String] = [:]
    ) async throws -> TaskRecord {
        let task = try await bench.queue(
            server.url(image),
            publisher: PublisherChecksum(
                url: server.url("/SHA256SUMS"), signatureURL: signature.map { server.url($0) },
                keyring: keyrings.keys.first))
        return try await running([try bench.claimLoop(keyrings: keyrings)]) { try await bench.end(of: task.id) }
    }

    @Test func `an image is imported that is what its publisher says`() async throws {
        try await WorkBench.with { bench in
            let site = ["/SHA256SUMS": sums("\(Self.sha256)  disk.img\n"), "/disk.img": image]
            try await serving(site) { server in
                let task = try await ended(bench, server)
                #expect(task.state == .success, "\(task.message)")
                #expect(server.requests.map(\.target) == ["/SHA256SUMS", "/disk.img"])
            }
        }
    }

    @Test func `the entry is also found by the name that redirects lead to`() async throws {
        try await WorkBench.with { bench in
            let site = [
                "/SHA256SUMS": sums("\(Self.sha256)  v7.img\n"), "/v7.img": image,
                "/latest": ScriptedHTTPServer.answer("302 Found", headers: ["Location: /v7.img"]),
            ]
            try await serving(site) { server in
                let task = try await ended(bench, server, image: "/latest")
                #expect(task.state == .success, "\(task.message)")
                let provenance = try #require(try await bench.store.provenance(of: task.image))
                #expect(provenance.urls == [server.url("/latest"), server.url("/v7.img")])
                #expect(provenance.address == "127.0.0.1:\(server.port)")
                #expect(provenance.sizeBytes == 21)
                #expect(provenance.beganAtMs <= provenance.endedAtMs)
                #expect(provenance.checksum == "sha256:\(Self.sha256)")
                #expect(provenance.checksumUrl == server.url("/SHA256SUMS"))
                #expect(provenance.signers == nil)
            }
        }
    }

    @Test func `another image than the publisher's is rejected at once`() async throws {
        try await WorkBench.with { bench in
            let site = ["/SHA256SUMS": sums("\(String(repeating: "0", count: 64))  disk.img\n"), "/disk.img": image]
            try await serving(site) { server in
                let task = try await ended(bench, server)
                #expect(task.result == .rejected)
                #expect(task.message.contains("not sha256:000"))
                #expect(try await bench.store.image(task.image)?.status == .queued)
            }
        }
    }

    @Test(
        arguments: [
            ("no entry", "no entry for 'disk.img'", ScriptedHTTPServer.answer(body: "\(sha256)  other.img\n")),
            ("not there", "404 Not Found", ScriptedHTTPServer.answer("404 Not Found")),
            (
                "too long", "the file is larger than the limit",
                ScriptedHTTPServer.answer(
                    body: String(repeating: "x", count: 2 << 20))
            ),
            ("no end", "neither a length nor chunks", [.send("HTTP/1.1 200 OK\r\n\r\n\(sha256)  disk.img\n")]),
            (
                "elsewhere", "not a public address",
                ScriptedHTTPServer.answer(
                    "302 Found", headers: ["Location: http://169.254.169.254/SHA256SUMS"])
            ),
        ] as [(String, String, [ScriptedHTTPServer.Step])])
    func `checksums that are not to be had reject the import`(
        what: String, reason: String, answer: [ScriptedHTTPServer.Step]
    ) async throws {
        try await WorkBench.with { bench in
            try await serving(["/SHA256SUMS": answer, "/disk.img": image]) { server in
                let task = try await ended(bench, server)
                #expect(task.result == .rejected)
                #expect(task.attempt == 1)
                #expect(task.message.contains(reason), "\(task.message)")
                #expect(try await bench.storedKeys().isEmpty)
            }
        }
    }

    @Test func `a server of checksums that is overloaded is asked again`() async throws {
        try await WorkBench.with { bench in
            let first = OneShot<Void>()
            let (answer, image) = (sums("\(Self.sha256)  disk.img\n"), image)
            let server = try await ScriptedHTTPServer { request in
                if request.target == "/disk.img" { return image }
                defer { first.fulfil() }
                return first.peek == nil ? ScriptedHTTPServer.answer("503 Service Unavailable") : answer
            }
            let task = try await ended(bench, server)
            #expect(task.state == .success)
            #expect(task.spent == 2)
            #expect(server.requests.map(\.target) == ["/SHA256SUMS", "/SHA256SUMS", "/disk.img"])
            try await server.stop()
        }
    }

    @Test func `signed checksums are believed, in a file of their own and with the signature in it`() async throws {
        try await WorkBench.with { bench in
            try await withKeys { keys in
                let text = Array("\(Self.sha256)  disk.img\n".utf8)
                let detached: Site = [
                    "/SHA256SUMS": bytes(text), "/SHA256SUMS.sig": bytes(try keys.detached(text)), "/disk.img": image,
                ]
                try await serving(detached) { server in
                    let task = try await ended(
                        bench, server, signature: "/SHA256SUMS.sig", keyrings: ["them": keys.keyring])
                    #expect(task.state == .success, "\(task.message)")
                    let provenance = try await bench.store.provenance(of: task.image)
                    #expect(provenance?.signers == [keys.fingerprint])
                }
                let forged = Array("\(String(repeating: "0", count: 64))  disk.img\n".utf8)
                let inline: Site = [
                    "/SHA256SUMS": bytes(forged + (try keys.clearsigned(text)) + forged), "/disk.img": image,
                ]
                try await serving(inline) { server in
                    let task = try await ended(bench, server, keyrings: ["them": keys.keyring])
                    #expect(task.state == .success, "\(task.message)")
                }
            }
        }
    }

    @Test func `checksums that are not signed by the keyring are not believed, and no image is fetched`() async throws {
        try await WorkBench.with { bench in
            try await withKeys { keys in
                let text = Array("\(Self.sha256)  disk.img\n".utf8)
                let other = try keys.detached(Array("something else".utf8))
                let site: Site = ["/SHA256SUMS": bytes(text), "/other.sig": bytes(other), "/disk.img": image]
                try await serving(site) { server in
                    for signature in [nil, "/other.sig", "/missing.sig"] {
                        let task = try await ended(
                            bench, server, signature: signature, keyrings: ["them": keys.keyring])
                        #expect(task.result == .rejected)
                    }
                    #expect(!server.requests.contains { $0.target == "/disk.img" })
                }
            }
        }
    }

    @Test func `a keyring that this worker does not have is held against the worker, and nothing is fetched`()
        async throws
    {
        try await WorkBench.with { bench in
            try await serving(["/SHA256SUMS": sums("\(Self.sha256)  disk.img\n"), "/disk.img": image]) { server in
                _ = try await bench.queue(
                    server.url("/disk.img"),
                    publisher: PublisherChecksum(url: server.url("/SHA256SUMS"), keyring: "them"))
                let claim = try await bench.claim()
                let outcome = await (try bench.runner()).run(claim, heldSince: .now, drain: OneShot())
                guard case .workerFault(let reason) = outcome else { throw InvalidValue("\(outcome)") }
                #expect(reason.contains("no keyring 'them'"))
                #expect(server.requests.isEmpty)
                #expect(try await bench.store.task(claim.task.id)?.spent == 0)
            }
        }
    }
}
