import Foundation
import NIOCore
import NIOPosix

/// A large file, and a server on loopback that sends it from the page cache with `sendfile`, so that the source costs
/// as little as it can and the same for all who fetch it.
final class LargeFile: Sendable {
    let path: String
    let bytes: Int
    let port: Int
    private let listener: any Channel

    var url: String { "http://127.0.0.1:\(port)/" }

    /// What is in each MiB.
    enum Content {
        /// No pattern that a disk could make use of.
        case noise
        /// What a compressor takes for an image: text, nothing, and what is compressed already.
        case compressible
    }

    /// Writes a file and serves it.
    static func make(_ bytes: Int, of content: Content = .noise, in folder: URL) async throws -> LargeFile {
        let path = folder.appendingPathComponent("source.raw").path
        try await NIOThreadPool.singleton.runIfActive { try write(bytes, of: content, to: path) }
        return try await LargeFile(serving: path)
    }

    init(serving path: String) async throws {
        self.path = path
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        let bytes = (attributes[.size] as? NSNumber)?.intValue ?? 0
        self.bytes = bytes
        listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FileHandler(path: path, bytes: bytes))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = listener.localAddress?.port else { throw BenchError("no free port") }
        self.port = port
    }

    func stop() async throws { try await listener.close() }

    private static func write(_ bytes: Int, of content: Content, to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else { throw BenchError("cannot write \(path)") }
        var generator = SystemRandomNumberGenerator()
        var block = Data((0..<(1 << 20) / 8).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } })
        if content == .compressible {
            let digits = Array("0123456789abcdef".utf8)
            block.replaceSubrange(0..<1 << 19, with: block.prefix(1 << 19).map { digits[Int($0 & 15)] })
            block.resetBytes(in: 1 << 19..<3 << 18)
        }
        for index in 0..<(bytes >> 20) {
            // Different in every block, at the price of one number.
            withUnsafeBytes(of: UInt64(index)) { block.replaceSubrange(0..<8, with: $0) }
            try file.write(contentsOf: block)
        }
        try file.synchronize()
        try file.close()
    }
}

/// Answers each request with the file, or with its first bytes: `/1048576` asks for one MiB.
private final class FileHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = IOData

    private let path: String
    private let bytes: Int
    private var request = ""

    init(path: String, bytes: Int) {
        self.path = path
        self.bytes = bytes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        request += String(buffer: unwrapInboundIn(data))
        guard request.hasSuffix("\r\n\r\n") else { return }
        let target = request.split(separator: " ").dropFirst().first ?? "/"
        let count = min(Int(target.dropFirst()) ?? bytes, bytes)
        request = ""
        do {
            let file = try NIOFileHandle(_deprecatedPath: path)
            let head = ByteBuffer(
                string: "HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\nConnection: close\r\n\r\n")
            context.write(wrapOutboundOut(.byteBuffer(head)), promise: nil)
            let region = FileRegion(fileHandle: file, readerIndex: 0, endIndex: count)
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(.fileRegion(region))).whenComplete { _ in
                // Closing a file that was only read loses nothing.
                try? file.close()
                bound.value.close(promise: nil)
            }
        } catch {
            context.close(promise: nil)
        }
    }
}
