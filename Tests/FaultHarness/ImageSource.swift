import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server of images, with faults as they are asked for in the URL.
package final class ImageSource: Sendable {
    /// What goes wrong, and for how many of the first requests for an image.
    package struct Fault: Sendable {
        package enum Kind: String, Sendable {
            /// Sends so many bytes and waits for `openGate`.
            case gate
            /// Sends so many bytes and resets the connection.
            case reset
            /// Sends so many bytes and ends the connection in order.
            case cut
            /// Sends so many bytes a second.
            case drip
            /// Answers with this status.
            case status
            /// Sends the client to the image without the fault.
            case redirect
        }

        package let kind: Kind
        package var number: Int64
        package var times: Int

        package init(kind: Kind, number: Int64 = 0, times: Int = .max) {
            self.kind = kind
            self.number = number
            self.times = times
        }
    }

    private struct State {
        var isGateOpen = false
        var waiting: [EventLoopPromise<Void>] = []
        var requests: [String: Int] = [:]
        var open: [ObjectIdentifier: any Channel] = [:]
    }

    package let port: Int
    private let listener: any Channel
    private let state: Shared

    fileprivate final class Shared: Sendable {
        private let inner = Mutex(State())

        func countRequest(_ target: String) -> Int {
            inner.withLock { state in
                state.requests[target, default: 0] += 1
                return state.requests[target, default: 0]
            }
        }

        func requests(_ target: String) -> Int { inner.withLock { $0.requests[target, default: 0] } }

        func whenGateOpens(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
            let promise = eventLoop.makePromise(of: Void.self)
            let isOpen = inner.withLock { state in
                if !state.isGateOpen { state.waiting.append(promise) }
                return state.isGateOpen
            }
            if isOpen { promise.succeed(()) }
            return promise.futureResult
        }

        func openGate() {
            let waiting = inner.withLock { state in
                state.isGateOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for promise in waiting { promise.succeed(()) }
        }

        func add(_ channel: any Channel) { inner.withLock { $0.open[ObjectIdentifier(channel)] = channel } }
        func remove(_ channel: any Channel) {
            inner.withLock { _ = $0.open.removeValue(forKey: ObjectIdentifier(channel)) }
        }
        var channels: [any Channel] { inner.withLock { Array($0.open.values) } }
    }

    package init() async throws {
        let state = Shared()
        self.state = state
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(SourceHandler(state: state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = listener.localAddress?.port ?? 0
    }

    package func stop() async throws {
        openGate()
        for channel in state.channels { channel.close(promise: nil) }
        try await listener.close()
    }

    /// - Parameter isVersioned: whether it tells its version, and serves ranges.
    package func url(_ image: SourceImage, _ fault: Fault? = nil, isVersioned: Bool = false) -> String {
        "http://127.0.0.1:\(port)" + Self.target(image, fault, isVersioned: isVersioned)
    }

    /// Lets all go on that wait, now and later.
    package func openGate() { state.openGate() }

    package func requests(_ image: SourceImage, _ fault: Fault? = nil) -> Int {
        state.requests(Self.target(image, fault))
    }

    private static func target(_ image: SourceImage, _ fault: Fault?, isVersioned: Bool = false) -> String {
        let path = "/\(image.seed)/\(image.size)" + (isVersioned ? "/versioned" : "")
        guard let fault else { return path }
        return "\(path)?\(fault.kind.rawValue)=\(fault.number)&times=\(fault.times)"
    }
}

private final class SourceHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let state: ImageSource.Shared

    init(state: ImageSource.Shared) { self.state = state }

    func channelActive(context: ChannelHandlerContext) {
        state.add(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) { state.remove(context.channel) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let request) = unwrapInboundIn(data) else { return }
        let parts = request.uri.split(separator: "?", maxSplits: 1)
        let names = parts[0].split(separator: "/")
        let isVersioned = names.last == "versioned"
        guard names.count == (isVersioned ? 3 : 2), let seed = Int(names[0]), let size = Int64(names[1]) else {
            return answer(.notFound, context: context)
        }
        let image = SourceImage(seed: seed, bytes: size)
        var fault = parts.count > 1 ? Self.fault(parts[1]) : nil
        if state.countRequest(request.uri) > fault?.times ?? 0 { fault = nil }
        switch fault?.kind {
        case .status: return answer(.init(statusCode: Int(fault?.number ?? 500)), context: context)
        case .redirect: return answer(.found, location: String(parts[0]), context: context)
        default: break
        }
        let asked = isVersioned ? request.headers.first(name: "range").flatMap { Self.range($0, of: size) } : nil
        let range = asked ?? 0..<size
        var head = HTTPResponseHead(version: .http1_1, status: asked == nil ? .ok : .partialContent)
        head.headers.add(name: "Content-Length", value: String(range.count))
        if isVersioned {
            head.headers.add(name: "ETag", value: "\"\(seed)\"")
            head.headers.add(name: "Accept-Ranges", value: "bytes")
        }
        if asked != nil {
            head.headers.add(name: "Content-Range", value: "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
        }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        send(image, range, fault, context: context)
    }

    /// `bytes=100-`, `bytes=100-199`
    private static func range(_ text: String, of size: Int64) -> Range<Int64>? {
        let ends = text.split { !$0.isNumber }.compactMap { Int64($0) }
        guard let first = ends.first, first < size else { return nil }
        return first..<(ends.count > 1 ? min(ends[1] + 1, size) : size)
    }

    private func send(
        _ image: SourceImage, _ range: Range<Int64>, _ fault: ImageSource.Fault?, context: ChannelHandlerContext
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        guard !range.isEmpty else {
            return finish(context: context)
        }
        if let fault, range.lowerBound >= fault.number, fault.kind != .drip {
            context.flush()
            switch fault.kind {
            case .gate:
                state.whenGateOpens(on: context.eventLoop).whenSuccess {
                    bound.value.0.send(image, range, nil, context: bound.value.1)
                }
            case .reset:
                let option = context.channel as? any SocketOptionProvider
                option?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
                    bound.value.1.close(promise: nil)
                }
            default: context.close(promise: nil)
            }
            return
        }
        let block = image.block(range)
        let rest = range.lowerBound + Int64(block.readableBytes)..<range.upperBound
        let pause = fault?.kind == .drip ? Int64(block.readableBytes) * 1_000_000_000 / max(1, fault?.number ?? 1) : 0
        // The next block is made when this one has been taken, so a slow client holds nothing up but itself.
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(block)))).whenSuccess {
            let (handler, context) = bound.value
            guard pause > 0 else { return handler.send(image, rest, fault, context: context) }
            context.eventLoop.scheduleTask(in: .nanoseconds(pause)) {
                let (handler, context) = bound.value
                handler.send(image, rest, fault, context: context)
            }
        }
    }

    private func answer(_ status: HTTPResponseStatus, location: String? = nil, context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: .http1_1, status: status)
        head.headers.add(name: "Content-Length", value: "0")
        if let location { head.headers.add(name: "Location", value: location) }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        finish(context: context)
    }

    /// Who fetches images asks for the end of the connection.
    private func finish(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
    }

    private static func fault(_ query: Substring) -> ImageSource.Fault? {
        var fault: ImageSource.Fault?
        for pair in query.split(separator: "&") {
            let words = pair.split(separator: "=")
            guard words.count == 2, let number = Int64(words[1]) else { continue }
            if let kind = ImageSource.Fault.Kind(rawValue: String(words[0])) {
                fault = .init(kind: kind, number: number)
            }
            if words[0] == "times" { fault?.times = Int(number) }
        }
        return fault
    }
}
