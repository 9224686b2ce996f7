import NIOCore

/// A command on its way to Redis, as far as a fault has to know it.
struct Request {
    let bytes: ByteBuffer
    /// The first words: enough to tell what is asked for.
    let words: [ByteBuffer]

    init(bytes: ByteBuffer) {
        self.bytes = bytes
        words = Self.words(in: bytes, atMost: 3)
    }

    /// In capitals, such as `EVALSHA`.
    var command: String { word(0).uppercased() }

    /// The Lua that `EVAL` and `SCRIPT LOAD` carry.
    var source: ByteBuffer? {
        switch command {
        case "EVAL": words.count > 1 ? words[1] : nil
        case "SCRIPT": words.count > 2 && word(1).uppercased() == "LOAD" ? words[2] : nil
        default: nil
        }
    }

    /// The digest that `EVALSHA` carries, in small letters.
    var digest: String? { command == "EVALSHA" ? word(1).lowercased() : nil }

    /// The function that `FCALL` carries.
    var function: String? { command.hasPrefix("FCALL") ? word(1) : nil }

    /// From here on replies do not follow requests one by one.
    var endsPairing: Bool {
        switch command {
        case "SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "MONITOR", "SYNC", "PSYNC": true
        case "CLIENT": word(1).uppercased() == "REPLY"
        default: false
        }
    }

    private func word(_ index: Int) -> String {
        words.count > index ? String(buffer: words[index]) : ""
    }

    private static func words(in bytes: ByteBuffer, atMost limit: Int) -> [ByteBuffer] {
        var rest = bytes
        guard let head = line(&rest), head.first == "*" else {
            return String(buffer: bytes).split(whereSeparator: \.isWhitespace).prefix(limit).map {
                ByteBuffer(substring: $0)
            }
        }
        var words: [ByteBuffer] = []
        for _ in 0..<min(limit, Int(head.dropFirst()) ?? 0) {
            guard let length = line(&rest).flatMap({ Int($0.dropFirst()) }), let word = rest.readSlice(length: length)
            else { break }
            words.append(word)
            rest.moveReaderIndex(forwardBy: min(2, rest.readableBytes))
        }
        return words
    }

    private static func line(_ rest: inout ByteBuffer) -> String? {
        guard let end = rest.readableBytesView.firstIndex(of: UInt8(ascii: "\r")),
            let line = rest.readString(length: end - rest.readerIndex)
        else { return nil }
        rest.moveReaderIndex(forwardBy: min(2, rest.readableBytes))
        return line
    }
}
