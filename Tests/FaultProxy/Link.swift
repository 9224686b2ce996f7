import NIOCore

/// One client's connection and the one to Redis that belongs to it. Belongs to their event loop.
final class Link {
    /// What the proxy as a whole lets pass.
    struct Flow: Sendable {
        var requests = true
        var replies = true
    }

    /// What the next reply belongs to.
    private enum Pending {
        case server(label: String, source: ByteBuffer?, fault: WireFault?)
        case canned(ByteBuffer, fault: WireFault, label: String)
    }

    private let eventLoop: any EventLoop
    private let client: any Channel
    private let proxy: ProxyState
    private var server: (any Channel)?
    private var requestReader = FrameReader()
    private var replyReader = FrameReader()
    private var pending = CircularBuffer<Pending>()
    /// Whether each request has one reply, so that commands can be told apart.
    private var isPaired = true
    private var isStalled = false
    private var isClientGone = false
    private var hasEnded = false
    private lazy var requests = lane()
    private lazy var replies = lane()

    init(client: any Channel, proxy: ProxyState) {
        eventLoop = client.eventLoop
        self.client = client
        self.proxy = proxy
        replies.target = client
    }

    private func lane() -> Lane {
        Lane(
            eventLoop: eventLoop, stall: { [weak self] in self?.stall() }, cut: { [weak self] in self?.end() },
            count: { [proxy] fault, command in proxy.count(fault, of: command) })
    }

    func set(_ flow: Flow) {
        requests.isHeld = isStalled || !flow.requests
        replies.isHeld = isStalled || !flow.replies
    }

    func connected(to server: any Channel) {
        guard !hasEnded else { return server.close(promise: nil) }
        self.server = server
        requests.target = server
    }

    // MARK: Requests

    func receive(request bytes: ByteBuffer) {
        guard isPaired else { return requests.add(.write(bytes)) }
        requestReader.feed(bytes)
        do {
            while isPaired, let frame = try requestReader.next() { pass(Request(bytes: frame)) }
        } catch {
            end()
        }
        if !isPaired { requests.add(.write(requestReader.takeRest())) }
    }

    private func pass(_ request: Request) {
        guard !request.endsPairing else {
            isPaired = false
            return requests.add(.write(request.bytes))
        }
        let request = proxy.isOtherEdition ? request.inOtherEdition() : request
        let label = proxy.names.label(of: request)
        proxy.requested(label)
        // What does not pass anyway meets no fault.
        let fault = requests.isHeld || hasEnded ? nil : proxy.fault(for: label, command: request.command)
        if let fault, fault.isOfRequest { requests.add(.fault(fault, of: label)) }
        var reply = Pending.server(label: label, source: request.source, fault: nil)
        switch fault {
        case nil:
            requests.add(.write(request.bytes))
        case .delayRequest(let time):
            requests.add(.pause(time), .write(request.bytes))
        case .trickleRequest(let time):
            requests.trickle(request.bytes, for: time)
        case .cutBeforeRequest:
            requests.add(.cut)
        case .cutInRequest:
            requests.add(.write(request.bytes.firstHalf), .cut)
        case .cutAfterRequest:
            requests.add(.write(request.bytes), .cut)
        case .halfOpen:
            requests.add(.stall)
        case .refuse(let refusal):
            reply = .canned(ByteBuffer(string: "-\(refusal.rawValue)\r\n"), fault: .refuse(refusal), label: label)
        case .delayReply, .trickleReply, .cutBeforeReply, .cutInReply:
            reply = .server(label: label, source: request.source, fault: fault)
            requests.add(.write(request.bytes))
        }
        pending.append(reply)
        answerCanned()
    }

    // MARK: Replies

    func receive(reply bytes: ByteBuffer) {
        guard isPaired else {
            return replies.add(.write(replyReader.takeRest()), .write(bytes))
        }
        replyReader.feed(bytes)
        do {
            while let frame = try replyReader.next() { pass(reply: frame) }
        } catch {
            end()
        }
    }

    private func pass(reply: ByteBuffer) {
        // A push of RESP3 belongs to no request.
        guard reply.readableBytesView.first != UInt8(ascii: ">"),
            case .server(let label, let source, let fault)? = pending.popFirst()
        else { return replies.add(.write(reply)) }
        if let source, let digest = reply.digest { proxy.names.learn(source, digest: digest) }
        proxy.answered(label)
        if let fault { replies.add(.fault(fault, of: label)) }
        switch fault {
        case .delayReply(let time): replies.add(.pause(time), .write(reply))
        case .trickleReply(let time): replies.trickle(reply, for: time)
        case .cutBeforeReply: replies.add(.cut)
        case .cutInReply: replies.add(.write(reply.firstHalf), .cut)
        default: replies.add(.write(reply))
        }
        answerCanned()
    }

    /// Errors that the proxy answers with keep their place among the replies.
    private func answerCanned() {
        while case .canned(let reply, let fault, let label)? = pending.first {
            pending.removeFirst()
            replies.add(.fault(fault, of: label), .write(reply))
        }
    }

    // MARK: The end

    /// The client has gone; what it has sent still arrives.
    func clientClosed() {
        isClientGone = true
        replies.shut()
        if isStalled { end() } else { requests.add(.cut) }
    }

    /// The server has gone; what it has answered still arrives, if there is anybody.
    func serverClosed() {
        if isClientGone { end() } else { replies.add(.cut) }
    }

    private func stall() {
        isStalled = true
        set(Flow())
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        requests.shut()
        replies.shut()
        client.close(promise: nil)
        server?.close(promise: nil)
        proxy.remove(self)
    }
}

extension ByteBuffer {
    /// At least a byte less than all.
    fileprivate var firstHalf: ByteBuffer { getSlice(at: readerIndex, length: readableBytes / 2) ?? ByteBuffer() }

    /// What `SCRIPT LOAD` answers with.
    fileprivate var digest: String? {
        let lines = String(buffer: self).split(separator: "\r\n")
        return lines.count == 2 && lines[0] == "$40" ? String(lines[1]) : nil
    }
}
