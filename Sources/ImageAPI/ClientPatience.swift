import ImportModel
import NIOCore

/// How long the service has been waiting for the client of one connection. Logic only: the time is told to it.
///
/// What the service itself takes counts for nothing: a body is waited for while a read is outstanding, and an answer
/// while the system takes no more bytes.
struct ClientPatience {
    enum Fault: String {
        case head = "the head of a request did not come"
        case idle = "no further request came"
        case body = "the body of a request came too slowly"
        case answer = "an answer was not read"
    }

    private let head: TimeAmount
    private let idle: TimeAmount
    private let client: TimeAmount
    /// Bytes that are worth waiting `client` for.
    private let worth: Int64

    /// Requests whose answers are not complete.
    private var open = 0
    private var isBodyAwaited = false
    private var idleSince: NIODeadline
    private var headSince: NIODeadline?
    private var readSince: NIODeadline?
    /// Since something worth the wait had come.
    private var waited: TimeAmount = .zero
    private var came: Int64 = 0
    private var taken: Int64 = 0
    private var stalledSince: NIODeadline?

    init(_ limits: ConnectionLimits, now: NIODeadline) {
        head = .milliseconds(limits.head.wholeMilliseconds)
        idle = .milliseconds(limits.idle.wholeMilliseconds)
        client = .milliseconds(limits.client.wholeMilliseconds)
        worth = limits.client.wholeMilliseconds * ConnectionLimits.minimumRate / 1000
        idleSince = now
        headSince = now
    }

    /// How often to look for faults.
    var interval: TimeAmount { .nanoseconds(max(min(head, idle, client).nanoseconds / 4, 1_000_000)) }

    /// Whether a request has begun to arrive.
    private(set) var hasBegun = false

    mutating func readBegan(_ now: NIODeadline) { readSince = readSince ?? now }

    mutating func bytesCame(_ count: Int, _ now: NIODeadline) {
        if let since = readSince { waited = waited + (now - since) }
        readSince = nil
        came += Int64(count)
        if came >= worth { beginWait() }
        guard open == 0 else { return }
        headSince = headSince ?? now
        hasBegun = true
    }

    mutating func requestBegan() {
        open += 1
        isBodyAwaited = true
        headSince = nil
        hasBegun = false
        beginWait()
    }

    mutating func requestEnded() { isBodyAwaited = false }

    mutating func answerEnded(_ now: NIODeadline) {
        open -= 1
        if open == 0 { idleSince = now }
    }

    /// - Parameters:
    ///   - taken: bytes that the system has taken since the connection began.
    ///   - isMoreWaiting: whether there are further ones.
    mutating func look(taken: Int64, isMoreWaiting: Bool, _ now: NIODeadline) -> Fault? {
        stalledSince = isMoreWaiting && taken == self.taken ? stalledSince ?? now : nil
        self.taken = taken
        if let stalledSince { return now - stalledSince >= client ? .answer : nil }
        if open == 0 {
            if let headSince { return now - headSince >= head ? .head : nil }
            return now - idleSince >= idle ? .idle : nil
        }
        guard isBodyAwaited, let readSince else { return nil }
        return waited + (now - readSince) >= client ? .body : nil
    }

    private mutating func beginWait() {
        waited = .zero
        came = 0
    }
}
