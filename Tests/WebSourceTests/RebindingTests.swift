import CResolverAim
import ImportModel
import NIOPosix
import TestSupport
import Testing

@testable import WebSource

/// Name servers that change their answers between the look and the leap, asked by the system's own resolver.
@Suite struct RebindingTests {
    @Test func `a name server that turns its answers leads nowhere, neither at once nor by a redirect`() async throws {
        try await withListener { listener in
            let names = try await TurningNameServer()
            let threads = NIOThreadPool(numberOfThreads: 1)
            threads.start()
            let port = UInt16(names.port)
            #expect(try await threads.runIfActive { cresolveraim_ask(port) } == 0)
            let server = try await ScriptedHTTPServer { request in
                request.target == "/moved"
                    ? ScriptedHTTPServer.answer(
                        "302 Found", headers: ["Location: http://turning.example:\(listener.port)/"])
                    : ScriptedHTTPServer.answer(body: "x")
            }
            // The first answer is allowed, what it turns to is not; all of it is this machine.
            let source = try WebSource(
                policy: SourcePolicy(allow: [try HostRule(parsing: "127.0.0.1")]),
                resolver: SystemResolver(threads: threads))
            let good = "http://turning.example:\(server.port)"
            func look() async throws {
                names.answer(with: [["127.0.0.1"], ["127.0.0.2"]])
                try await source.withSource(good + "/") { _ in }
                #expect(names.asked == 1)
                await expectRefusal(source, "http://turning.example:\(listener.port)/")
                #expect(names.asked == 2)

                names.answer(with: [["127.0.0.1"], ["127.0.0.2"]])
                await expectRefusal(source, good + "/moved")
                #expect(names.asked == 4)

                // One address of several that is not allowed is enough, wherever it stands.
                for addresses in [["127.0.0.1", "127.0.0.2"], ["10.0.0.1", "127.0.0.1"], ["169.254.169.254"]] {
                    names.answer(with: [addresses, addresses])
                    await expectRefusal(source, good + "/")
                }
                #expect(names.asked == 7)
            }
            let result: Result<Void, any Error>
            do { result = .success(try await look()) } catch { result = .failure(error) }
            #expect(server.requests.map(\.target) == ["/", "/moved"])
            #expect(listener.count == 0)
            try await server.stop()
            try await names.stop()
            try await threads.shutdownGracefully()
            try result.get()
        }
    }

    private func expectRefusal(_ source: WebSource, _ url: String) async {
        await #expect("\(url)") {
            try await source.withSource(url) { _ in }
        } throws: { if case SourceError.refused = $0 { true } else { false } }
    }
}
