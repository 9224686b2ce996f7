import Foundation
import NIOCore
import NIOPosix
@testable import RedisClient
import Synchronization
import TestSupport

/// A peer on a unix socket that answers commands as a test says, well or badly.
final class ScriptedServer: Sendable {
    enum Answer {
        case reply(String)
        case replyAndClose(String)
        case silence
        case close
    }

    let configuration: RedisConfiguration
    private let channel: any Channel
    private let folder: URL

    /// Runs `body` with a server whose connections greet as Redis does and leave all other commands to `answer`.
    static func with<R>(
        _ answer: @escaping @Sendable (_ words: [String]) -> Answer, _ body: (ScriptedServer) async throws -> R
    ) async throws -> R {
        let folder = try temporaryDirectory()
        let path = folder.appendingPathComponent("s").path
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(try AnswerHandler(answer))
                }
            }
            .bind(unixDomainSocketPath: path).get()
        let server = ScriptedServer(
            configuration: RedisConfiguration(endpoint: .unixSocket(path: path)), channel: channel, folder: folder)
        defer { try? FileManager.default.removeItem(at: folder) }  // left over at worst
        do {
            let result = try await body(server)
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }

    private init(configuration: RedisConfiguration, channel: any Channel, folder: URL) {
        self.configuration = configuration
        self.channel = channel
        self.folder = folder
    }
}

/// Commands have the form of replies, so the reader under test reads them, too.
private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable ([String]) -> ScriptedServer.Answer
    private var reader: ReplyReader

    init(_ answer: @escaping @Sendable ([String]) -> ScriptedServer.Answer) throws {
        self.answer = answer
        reader = try ReplyReader(maxReplyBytes: 1 << 30)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var commands: [[String]] = []
        do {
            try unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
                try reader.read(bytes) { commands.append(($0.array ?? []).compactMap(\.string)) }
            }
        } catch {
            context.close(promise: nil)
        }
        for words in commands {
            switch words.first == "CLIENT" ? .reply("+OK\r\n") : answer(words) {
            case .reply(let text): write(text, context)
            case .replyAndClose(let text):
                write(text, context)
                context.close(promise: nil)
            case .silence: break
            case .close: context.close(promise: nil)
            }
        }
    }

    private func write(_ text: String, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }
}
