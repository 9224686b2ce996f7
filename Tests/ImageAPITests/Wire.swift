import NIOCore
import NIOPosix

/// A bare connection to the service.
final class Wire {
    // Each wire is one task's.
    nonisolated(unsafe) private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    /// What came and was not asked for.
    private var text = ""

    /// Runs `body` with a new connection, which is closed afterwards.
    /// - Parameter receiveBytes: what the system takes in for a client that does not read; `nil`: as usual.
    static func open<Result: Sendable>(
        _ port: Int, host: String = "127.0.0.1", receiveBytes: Int? = nil,
        _ body: (Wire) async throws -> Result
    ) async throws -> Result {
        var bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        if let receiveBytes {
            bootstrap = bootstrap.channelOption(
                ChannelOptions.socketOption(.so_rcvbuf), value: numericCast(receiveBytes))
        }
        let channel = try await bootstrap.connect(host: host, port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel,
                    configuration: .init(
                        backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2)))
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await body(Wire(inbound: inbound.makeAsyncIterator(), outbound: outbound))
        }
    }

    private init(
        inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound
        self.outbound = outbound
    }

    /// Whether the service still listened.
    @discardableResult
    func send(_ text: String) async -> Bool { await send(ByteBuffer(string: text)) }

    @discardableResult
    func send(_ bytes: ByteBuffer) async -> Bool {
        do {
            try await outbound.write(bytes)
            return true
        } catch {
            return false
        }
    }

    /// Everything up to the first place where `marker` stands, and what came with it.
    func read(until marker: String) async throws -> String {
        while !text.contains(marker), let bytes = try await inbound.next() { text += String(buffer: bytes) }
        defer { text = "" }
        return text
    }

    /// How many bytes come until the service closes the connection, in whatever way.
    func countToEnd() async -> Int {
        var count = text.utf8.count
        text = ""
        while let bytes = try? await inbound.next() { count += bytes.readableBytes }
        return count
    }
}

/// Heads of requests as they are sent.
enum RawRequest {
    static func upload(_ id: String, _ more: String) -> String {
        "PUT /v2/images/\(id)/file HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n\(more)\r\n\r\n"
    }

    static func get(_ path: String) -> String { "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n" }
}
