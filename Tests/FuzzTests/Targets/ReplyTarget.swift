import CHiredis
@testable import LeaseStore
@testable import RedisClient

/// What a Redis peer sends: replies are the same in any pieces, none is swallowed, and a claim takes no memory.
enum ReplyTarget {
    static func check(_ input: [UInt8]) throws(Violation) {
        var deck = ByteDeck(input)
        let seed = deck.byte()
        let bytes = deck.all()
        let whole = try read([bytes[...]])
        let torn = try read(pieces(of: bytes, seed: seed))
        try require(whole.replies == torn.replies, "the pieces made a difference: \(whole) and \(torn)")
        try require((whole.failure == nil) == (torn.failure == nil), "failed as \(whole.failure ?? torn.failure ?? "")")

        if whole.failure == nil {
            let count = countByHiredis(bytes)
            try require(count == whole.replies.count, "\(whole.replies.count) of \(count) replies")
        }

        var written: [UInt8] = []
        for reply in whole.replies { write(reply, to: &written) }
        let again = try read([written[...]])
        try require(again.replies == whole.replies && again.failure == nil, "written and read again: \(again)")

        // hiredis holds a string back until it is whole; what is beyond the bound is not waited for.
        let bound = 64
        let bounded = try read(pieces(of: bytes, seed: 0), atMost: bound)
        for reply in bounded.replies { try require(size(of: reply) <= bound, "\(size(of: reply)) bytes in a reply") }
        for reply in whole.replies { inspect(reply) }
    }

    private struct Reading {
        var replies: [RedisValue] = []
        var failure: String?
    }

    private static func read(
        _ pieces: [ArraySlice<UInt8>], atMost bound: Int = 1 << 20
    ) throws(Violation) -> Reading {
        var reading = Reading()
        do {
            var reader = try ReplyReader(maxReplyBytes: bound)
            for piece in pieces {
                try piece.withUnsafeBytes { try reader.read($0) { reading.replies.append($0) } }
            }
        } catch {
            reading.failure = "\(error)"
        }
        return reading
    }

    /// How many whole replies hiredis sees when it is left to itself.
    private static func countByHiredis(_ bytes: [UInt8]) -> Int {
        guard let reader = redisReaderCreate() else { return 0 }
        defer { redisReaderFree(reader) }
        _ = bytes.withUnsafeBytes { redisReaderFeed(reader, $0.baseAddress, $0.count) }
        var count = 0
        var reply: UnsafeMutableRawPointer?
        while redisReaderGetReply(reader, &reply) == REDIS_OK, let whole = reply {
            freeReplyObject(whole)
            count += 1
            reply = nil
        }
        return count
    }

    /// In the older protocol, which has all that replies can be here.
    private static func write(_ value: RedisValue, to bytes: inout [UInt8]) {
        switch value {
        case .string(let text):
            bytes += Array("$\(text.count)\r\n".utf8) + text + Array("\r\n".utf8)
        case .integer(let number): bytes += Array(":\(number)\r\n".utf8)
        case .null: bytes += Array("$-1\r\n".utf8)
        case .simple(let text): bytes += Array("+\(text)\r\n".utf8)
        case .error(let error): bytes += Array("-\(error.message)\r\n".utf8)
        case .array(let values):
            bytes += Array("*\(values.count)\r\n".utf8)
            for value in values { write(value, to: &bytes) }
        }
    }

    private static func size(of value: RedisValue) -> Int {
        switch value {
        case .string(let bytes): bytes.count
        case .array(let values): values.reduce(0) { $0 + size(of: $1) }
        case .integer, .null, .simple, .error: 0
        }
    }

    /// All that is made of replies: it throws, or gives nothing, but ends.
    private static func inspect(_ value: RedisValue) {
        if case .error(let error) = value {
            _ = error.description
            _ = error.isTransient
        }
        _ = value.hash()
        guard let reply = try? Reply(value, of: "script") else { return }
        for index in 0..<min(reply.count, 8) {
            _ = try? reply.string(index)
            _ = try? reply.int(index)
            _ = try? reply.strings(index)
            _ = try? reply.hash(index)
        }
        _ = try? reply.lostLease()
    }
}
