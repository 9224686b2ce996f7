import ImportModel
import NIOCore
import NIOEmbedded
import NIOHTTP1
@testable import WebSource

/// What a source's server answers: heads and bodies mean the same in any pieces, and their numbers stay in bounds.
enum AnswerTarget {
    private struct Reading: Equatable {
        var head: HTTPResponseHead?
        var body: [UInt8] = []
        var failure: String?
    }

    static func check(_ input: [UInt8]) throws(Violation) {
        var deck = ByteDeck(input)
        let seed = deck.byte()
        let bytes = deck.all()
        let whole = try read([bytes[...]])
        let torn = try read(pieces(of: bytes, seed: seed))
        // Behind a 101 comes another protocol, of which nothing is read: it is refused for its status.
        let isSame = whole.head?.status == .switchingProtocols ? whole.head == torn.head : whole == torn
        try require(isSame, "the pieces made a difference: \(whole) and \(torn)")
        guard let head = whole.head else { return }
        try judge(head)
    }

    private static func read(_ pieces: [ArraySlice<UInt8>]) throws(Violation) -> Reading {
        let channel = EmbeddedChannel()
        let promise = channel.eventLoop.makePromise(of: HTTPResponseHead.self)
        var reading = Reading()
        promise.futureResult.assumeIsolated().whenSuccess { reading.head = $0 }
        do {
            // Clients send their request before they read.
            try channel.pipeline.syncOperations.addHTTPClientHandlers()
            try channel.pipeline.syncOperations.addHandler(
                AnswerHandler(promise, limits: SourceLimits(), until: .now + .seconds(3600)))
            try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 80)).wait()
            let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: ["Host": "h.example"])
            try channel.writeOutbound(HTTPClientRequestPart.head(request))
            try channel.writeOutbound(HTTPClientRequestPart.end(nil))
            for piece in pieces where channel.isActive { try channel.writeInbound(ByteBuffer(bytes: piece)) }
        } catch {
            reading.failure = "\(error)"
        }
        let body = try expect("the body is no bytes") {
            var bytes: [UInt8] = []
            while let part = try channel.readInbound(as: ByteBuffer.self) { bytes += part.readableBytesView }
            return bytes
        }
        reading.body = body
        // What is left open by an answer that breaks off is closed here; the errors of that say nothing new.
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return reading
    }

    private static func judge(_ head: HTTPResponseHead) throws(Violation) {
        let refusal = SourceFaults(url: "http://h.example/").refusal(head)
        if case .transient(_, let wait?) = refusal {
            try require(wait >= .zero && wait <= .seconds(86400), "a wait of \(wait)")
        }
        try require(refusal != nil || head.status.code == 200, "\(head.status) is taken for an image")
        guard let location = head.headers.first(name: "location"),
            let url = try? SourceURL(parsing: "http://u:p@h.example/a/b"), let next = try? url.following(location)
        else { return }
        try Referees.judge(next)
        try require(next.userinfo == nil || next.origin == url.origin, "credentials went to \(next.origin)")
    }
}
