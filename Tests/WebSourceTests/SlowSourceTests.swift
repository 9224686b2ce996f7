import Glibc
import ImportModel
import TestSupport
import Testing

@testable import WebSource

/// Sources that take their time.
@Suite struct SlowSourceTests {
    @Test func `a body that drips ends, however long it might go on`() async throws {
        var limits = SourceLimits.quick
        limits.minimumRate = 1000
        limits.rateWindow = .milliseconds(200)
        let drops =
            (0..<3_000).lazy.flatMap { _ in [.send("."), .pause(.milliseconds(20))] }
            as [ScriptedHTTPServer.Step]
        try await withLocalServer(
            limits: limits, { _ in [.send("HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n")] + drops }
        ) { server, source in
            let error = await #expect(throws: SourceError.self) {
                try await source.withSource(server.url()) { _ = try await $0.allBytes() }
            }
            #expect(error?.description.contains("1000 bytes") == true, "\(String(describing: error))")
        }
    }

    @Test func `an address that takes no connection is not waited for without end`() async throws {
        let deaf = try DeafListener()
        defer { deaf.close() }
        var limits = SourceLimits.quick
        limits.connect = .milliseconds(300)
        let policy = SourcePolicy(allow: [try HostRule(parsing: "127.0.0.0/8")])
        let source = try WebSource(policy: policy, limits: limits, resolver: ThisMachine())
        let error = await #expect(throws: SourceError.self) {
            try await source.withSource("http://127.0.0.1:\(deaf.port)/") { _ = try await $0.allBytes() }
        }
        guard case .transient = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

/// A listener that accepts nobody, and whose queue is full: the kernel drops what asks for more.
private final class DeafListener {
    private var descriptors: [CInt] = []
    private(set) var port: UInt16 = 0

    init() throws {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        descriptors.append(listener)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { address in
            try address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener, address, length) == 0, listen(listener, 0) == 0,
                    getsockname(listener, address, &length) == 0
                else { throw InvalidValue("no listener: \(errno)") }
                // More than the queue takes; those that it does not take stay in the middle of connecting.
                for _ in 0..<4 {
                    let client = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
                    descriptors.append(client)
                    _ = connect(client, address, length)
                }
            }
        }
        port = UInt16(bigEndian: address.sin_port)
    }

    func close() { for descriptor in descriptors { _ = Glibc.close(descriptor) } }
}
