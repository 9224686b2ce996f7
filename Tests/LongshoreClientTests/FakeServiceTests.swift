import Foundation
import LongshoreClient
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// The server of these tests themselves.
@Suite struct FakeServiceTests {
    /// Clients leave connections behind that they have begun and do not need any more.
    @Test func `it may stop while connections are being made`() async throws {
        for _ in 0..<4 {
            let connections = Mutex<[EventLoopFuture<any Channel>]>([])
            try await FakeService.run { _, client in
                let port = try #require(URL(string: client.endpoint.base)?.port)
                let begun = (0..<64).map { _ in
                    ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(host: "127.0.0.1", port: port)
                }
                connections.withLock { $0 = begun }
                _ = try await begun[0].get()
            }
            for connection in connections.withLock(\.self) {
                // The service may have refused it or closed it already.
                try? await connection.get().close()
            }
        }
    }
}
