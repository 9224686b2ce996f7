/// What goes wrong with one command, or with its connection when the command comes along.
package enum WireFault: Sendable, Hashable {
    /// The request, and what follows it, waits; if its client gives up meanwhile, it still arrives.
    case delayRequest(upTo: Duration)
    case delayReply(upTo: Duration)
    /// The connection is lost; Redis sees nothing of the request,
    case cutBeforeRequest
    /// or half of its bytes,
    case cutInRequest
    /// or all of it, and the answer finds nobody.
    case cutAfterRequest
    /// Redis has answered, so the request was carried out; the connection is lost and the reply with it,
    case cutBeforeReply
    /// or half of its bytes arrive.
    case cutInReply
    /// The connection stays, and from this request on carries nothing either way.
    case halfOpen
    /// One byte a second for so long, then the rest at once.
    case trickleRequest(upTo: Duration)
    case trickleReply(upTo: Duration)
    /// The request is not forwarded, and answered with an error; NOSCRIPT meets only what is called by its digest.
    case refuse(Refusal)

    /// An error in the words of Redis 7.
    package enum Refusal: String, Sendable, Hashable, CaseIterable {
        case noscript = "NOSCRIPT No matching script. Please use EVAL."
        case loading = "LOADING Redis is loading the dataset in memory"
        case oom = "OOM command not allowed when used memory > 'maxmemory'."
        case busy = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
        case misconf = "MISCONF Errors writing to the AOF file: No space left on device"
        case readonly = "READONLY You can't write against a read only replica."
        case noreplicas = "NOREPLICAS Not enough good replicas to write."
    }

    /// How it is counted.
    package var name: String {
        switch self {
        case .delayRequest: "delay-request"
        case .delayReply: "delay-reply"
        case .cutBeforeRequest: "cut-before-request"
        case .cutInRequest: "cut-in-request"
        case .cutAfterRequest: "cut-after-request"
        case .cutBeforeReply: "cut-before-reply"
        case .cutInReply: "cut-in-reply"
        case .halfOpen: "half-open"
        case .trickleRequest: "trickle-request"
        case .trickleReply: "trickle-reply"
        case .refuse(let refusal): "refuse-\(String(refusal.rawValue.prefix { $0 != " " }).lowercased())"
        }
    }

    /// Whether it is done on the way to Redis, and not on the way back.
    var isOfRequest: Bool {
        switch self {
        case .delayRequest, .trickleRequest, .cutBeforeRequest, .cutInRequest, .cutAfterRequest, .halfOpen: true
        case .delayReply, .trickleReply, .cutBeforeReply, .cutInReply, .refuse: false
        }
    }

    /// The same fault, with a time drawn from up to what it names.
    func drawn(using generator: inout some RandomNumberGenerator) -> WireFault {
        func some(_ limit: Duration) -> Duration { limit * Double.random(in: 0...1, using: &generator) }
        return switch self {
        case .delayRequest(let limit): .delayRequest(upTo: some(limit))
        case .delayReply(let limit): .delayReply(upTo: some(limit))
        case .trickleRequest(let limit): .trickleRequest(upTo: some(limit))
        case .trickleReply(let limit): .trickleReply(upTo: some(limit))
        case .cutBeforeRequest, .cutInRequest, .cutAfterRequest, .cutBeforeReply, .cutInReply, .halfOpen, .refuse:
            self
        }
    }
}
