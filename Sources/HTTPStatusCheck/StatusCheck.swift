package import NIOCore
package import NIOHTTP1

/// Fails a call whose answer has a number below 100 for a status.
///
/// The HTTP client passes over such a head, and its process traps when the answer ends without one.
package final class StatusCheck: ChannelInboundHandler {
    package typealias InboundIn = HTTPClientResponsePart
    package typealias InboundOut = HTTPClientResponsePart

    private var hasFailed = false

    /// Puts a check behind the decoder of a connection that the HTTP client has made. To be called on its event loop.
    package static func add(to channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPResponseDecoder>.self)
            try pipeline.addHandler(StatusCheck(), position: .after(decoder))
        }
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), head.status.code < 100 {
            hasFailed = true
            // The client ends the call and the connection with it.
            context.fireErrorCaught(NoStatus(number: head.status.code))
        }
        if !hasFailed { context.fireChannelRead(data) }
    }
}

/// An answer of another protocol than HTTP, or of a broken service.
package struct NoStatus: Error, CustomStringConvertible {
    package let number: UInt

    package var description: String { "the answer's status is \(number), which is none" }
}
