import CHiredis

/// Turns the bytes of a connection into replies, with hiredis as the parser, within bounds that hiredis has not.
struct ReplyReader: ~Copyable {
    /// hiredis moves what is left over after each kilobyte that it has read: small helpings keep that short.
    private static let helping = 16 << 10
    /// A header, a status or an error is one line; hiredis looks at all of it again each time more comes.
    private static let maxLine = 64 << 10
    private static let maxHeader = 32

    private let reader: UnsafeMutablePointer<redisReader>
    private let builder = ReplyBuilder()
    private let maxReplyBytes: Int
    /// Bytes of the reply that is not whole yet.
    private var replyBytes = 0

    init(maxReplyBytes: Int) throws(ReplyError) {
        guard let reader = redisReaderCreateWithFunctions(ReplyBuilder.functions) else { throw .outOfMemory }
        self.reader = reader
        // hiredis counts in 32 bits here and there.
        self.maxReplyBytes = min(maxReplyBytes, 1 << 30)
        reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
        // Beyond this an empty buffer is given back; hiredis's own 16 KiB would mean doing so after each helping.
        reader.pointee.maxbuf = 256 << 10
    }

    deinit { redisReaderFree(reader) }

    /// Hands on every reply that `bytes` completes. After an error the connection is of no use any more.
    mutating func read(_ bytes: UnsafeRawBufferPointer, deliver: (RedisValue) -> Void) throws(ReplyError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.helping))
            rest = rest.dropFirst(part.count)
            guard redisReaderFeed(reader, part.baseAddress, part.count) == REDIS_OK else { throw .outOfMemory }
            replyBytes += part.count
            while let reply = try next() {
                replyBytes = unread.count
                deliver(reply)
            }
            try checkUnread()
        }
    }

    private func next() throws(ReplyError) -> RedisValue? {
        var marker: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &marker) == REDIS_OK else {
            if let refusal = builder.refusal { throw .refused(refusal) }
            let text = withUnsafeBytes(of: reader.pointee.errstr) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            throw .malformed(text)
        }
        guard marker != nil else { return nil }
        // Later versions of hiredis take types that they report no part of. Passed over, one would shift all replies.
        guard let reply = builder.take() else { throw .refused("a reply of a type that was not asked for") }
        return reply
    }

    /// Refuses a reply by what it has of itself so far, before the rest of it is taken in.
    private func checkUnread() throws(ReplyError) {
        let unread = unread
        guard replyBytes <= maxReplyBytes else { throw .refused("a reply of more than \(maxReplyBytes) bytes") }
        guard !unread.isEmpty else { return }
        guard typeInProgress == REDIS_REPLY_STRING else {
            guard unread.count <= Self.maxLine else { throw .refused("a line of more than \(Self.maxLine) bytes") }
            return
        }
        // hiredis waits for the whole string here; its length is the line in front.
        var length = 0
        for byte in unread.prefix(Self.maxHeader) {
            guard byte != UInt8(ascii: "\r") else { return }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { continue }
            length = length * 10 + Int(byte - UInt8(ascii: "0"))
            guard length <= maxReplyBytes else { throw .refused("a string of more than \(maxReplyBytes) bytes") }
        }
        guard unread.count < Self.maxHeader else { throw .malformed("a string without a length") }
    }

    private var unread: UnsafeRawBufferPointer {
        let (position, end) = (reader.pointee.pos, reader.pointee.len)
        guard let start = reader.pointee.buf, end > position else {
            return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(start: start + position, count: end - position)
    }

    private var typeInProgress: Int32 {
        let depth = Int(reader.pointee.ridx)
        guard depth >= 0 else { return -1 }
        return withUnsafeBytes(of: &reader.pointee.rstack) { stack in
            stack.bindMemory(to: redisReadTask.self)[depth].type
        }
    }
}

/// Why the bytes of a connection are no replies that this client takes.
enum ReplyError: Error, Equatable, CustomStringConvertible {
    case malformed(String)
    case refused(String)
    case outOfMemory

    var description: String {
        switch self {
        case .malformed(let text): "the peer does not speak the Redis protocol: \(text)"
        case .refused(let text): "the peer sent \(text)"
        case .outOfMemory: "no memory to read a reply"
        }
    }
}
