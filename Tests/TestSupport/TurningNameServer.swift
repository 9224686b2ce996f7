import NIOCore
import NIOPosix
import Synchronization

/// A name server on loopback that has each answer for a single question, as of somebody who means harm.
package final class TurningNameServer: Sendable {
    package let port: Int
    private let channel: any Channel
    private let state: Answers

    /// Questions for IPv4 addresses so far.
    package var asked: Int { state.inner.withLock(\.asked) }

    package init() async throws {
        let state = Answers()
        self.state = state
        channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NameHandler(state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = channel.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        self.port = port
    }

    /// The addresses that each next question is answered with; after the last there are none.
    package func answer(with answers: [[String]]) { state.inner.withLock { $0.next = answers } }

    package func stop() async throws { try await channel.close() }

    fileprivate final class Answers: Sendable {
        struct Inner {
            var next: [[String]] = []
            var asked = 0
        }
        let inner = Mutex(Inner())

        func take() -> [String] {
            inner.withLock { inner in
                inner.asked += 1
                return inner.next.isEmpty ? [] : inner.next.removeFirst()
            }
        }
    }
}

/// Answers questions of one name each (RFC 1035, section 4).
private final class NameHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let answers: TurningNameServer.Answers

    init(_ answers: TurningNameServer.Answers) { self.answers = answers }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        let query = Array(envelope.data.readableBytesView)
        // The header, the labels of the name to the empty one, type and class.
        var end = 12
        while end < query.count, query[end] != 0 { end += Int(query[end]) + 1 }
        guard end + 5 <= query.count else { return }
        let isForIPv4 = query[end + 1] == 0 && query[end + 2] == 1
        let addresses = isForIPv4 ? answers.take() : []
        var reply: [UInt8] = [query[0], query[1], 0x81, 0x80, 0, 1, 0, UInt8(addresses.count), 0, 0, 0, 0]
        reply += query[12..<(end + 5)]
        for address in addresses {
            // The name of the question, an IPv4 address, to be kept for no time.
            reply += [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4] + address.split(separator: ".").compactMap { UInt8($0) }
        }
        let answer = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: reply))
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    }
}
