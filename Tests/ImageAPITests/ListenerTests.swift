import AsyncHTTPClient
import ImageAPI
import Testing

@Suite(.timeLimit(.minutes(2))) struct ListenerTests {
    @Test func `Each address is listened on, of both families`() async throws {
        try await RunningService.run({ $0.hosts = ["127.0.0.1", "::1"] }) { service in
            #expect(service.listening.count == 2)
            for (host, port) in service.listening {
                try await Wire.open(port, host: host) { wire in
                    await wire.send(RawRequest.get("/versions"))
                    let answer = try await wire.read(until: "\r\n\r\n")
                    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(host)")
                }
            }
        }
    }

    @Test func `The unspecified address of IPv6 is every address of both families`() async throws {
        try await RunningService.run({ $0.hosts = ["::"] }) { service in
            for host in ["127.0.0.1", "::1"] {
                try await Wire.open(service.port, host: host) { wire in
                    await wire.send(RawRequest.get("/versions"))
                    let answer = try await wire.read(until: "\r\n\r\n")
                    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(host)")
                }
            }
        }
    }

    @Test func `An address that is taken is named, and nothing is listened on`() async throws {
        try await RunningService.run { service in
            let error = await #expect(throws: ListeningFailed.self) {
                try await RunningService.run({ configuration in
                    configuration.hosts = ["127.0.0.2", "127.0.0.1"]
                    configuration.port = service.port
                }) { _ in }
            }
            #expect(error?.host == "127.0.0.1")
            #expect(error?.port == service.port)
            await #expect(throws: (any Error).self) {
                try await Wire.open(service.port, host: "127.0.0.2") { _ in }
            }
        }
    }
}
