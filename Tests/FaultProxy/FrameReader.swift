import NIOCore

/// Cuts a stream of bytes into whole messages of the Redis protocol (RESP2 and RESP3), and leaves the bytes as they
/// are.
struct FrameReader {
    /// Lines longer than this are taken for something else than the protocol.
    private static let maxLine = 1 << 20

    private var buffer = ByteBuffer()
    /// How much of the buffer is known to belong to the message in front.
    private var scanned = 0
    /// How many values that message still lacks.
    private var missing = 1

    mutating func feed(_ bytes: ByteBuffer) {
        if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeImmutableBuffer(bytes) }
    }

    /// The next whole message, or `nil` until more bytes have come.
    mutating func next() throws(FrameError) -> ByteBuffer? {
        while missing > 0 {
            guard try scanValue() else { return nil }
        }
        defer { (scanned, missing) = (0, 1) }
        return buffer.readSlice(length: scanned)
    }

    /// All bytes that are no whole message yet.
    mutating func takeRest() -> ByteBuffer {
        defer { (buffer, scanned, missing) = (ByteBuffer(), 0, 1) }
        return buffer
    }

    /// Goes past one value, or past the head of an aggregate. Returns false when bytes are missing.
    private mutating func scanValue() throws(FrameError) -> Bool {
        let start = buffer.readerIndex + scanned
        let ahead = buffer.readableBytesView[start...]
        guard let end = ahead.firstIndex(of: UInt8(ascii: "\n")) else {
            guard ahead.count <= Self.maxLine else { throw FrameError(reason: "a line without an end") }
            return false
        }
        var length = end + 1 - start
        var values = 0
        switch ahead.first {
        case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
            let bytes = try number(in: ahead[start..<end])
            if bytes >= 0 { length += bytes + 2 }
        case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"):
            values = max(0, try number(in: ahead[start..<end]))
        case UInt8(ascii: "%"):
            values = 2 * max(0, try number(in: ahead[start..<end]))
        case UInt8(ascii: "|"):
            // An attribute stands in front of the value that it belongs to.
            values = 2 * max(0, try number(in: ahead[start..<end])) + 1
        default: break  // a value, or an inline command, of one line
        }
        guard buffer.readableBytes >= scanned + length else { return false }
        scanned += length
        missing += values - 1
        return true
    }

    private func number(in line: ByteBufferView) throws(FrameError) -> Int {
        let digits = String(decoding: line.dropFirst().filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
        guard let number = Int(digits), number < 1 << 32 else { throw FrameError(reason: "a length of '\(digits)'") }
        return number
    }
}

struct FrameError: Error {
    let reason: String
}
