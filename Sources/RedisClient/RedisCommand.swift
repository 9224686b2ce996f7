import CHiredis
package import NIOCore

/// One command in the form in which it is sent, made by the caller's task so that the event loop only copies bytes.
///
/// Not for commands that change how replies follow requests: `SUBSCRIBE`, `MONITOR`, `CLIENT REPLY`, `HELLO`, `QUIT`.
package struct RedisCommand: Sendable {
    package let name: String
    let wire: ByteBuffer

    package init(_ name: String, _ arguments: any RedisArgument...) {
        self.init(name, arguments: arguments)
    }

    package init(_ name: String, arguments: [any RedisArgument]) {
        self.name = name
        var words: [UInt8] = []
        var lengths: [Int] = []
        words.reserveCapacity(32 * (arguments.count + 1))
        lengths.reserveCapacity(arguments.count + 1)
        name.append(to: &words)
        lengths.append(words.count)
        for argument in arguments {
            let start = words.count
            argument.append(to: &words)
            lengths.append(words.count - start)
        }
        wire = Self.format(words, lengths)
    }

    /// `words` are the words one behind the other, `lengths` says where they part.
    private static func format(_ words: [UInt8], _ lengths: [Int]) -> ByteBuffer {
        words.withUnsafeBufferPointer { words in
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: lengths.count) { starts in
                var offset = 0
                for (index, length) in lengths.enumerated() {
                    let start = words.baseAddress.map { UnsafeRawPointer($0 + offset) }
                    starts.initializeElement(at: index, to: start?.assumingMemoryBound(to: CChar.self))
                    offset += length
                }
                var text: UnsafeMutablePointer<CChar>?
                let count = redisFormatCommandArgv(&text, Int32(lengths.count), starts.baseAddress, lengths)
                // It fails for want of memory only, and Swift does not outlive that either.
                guard count >= 0, let text else { preconditionFailure("no memory for a Redis command") }
                defer { redisFreeCommand(text) }
                return ByteBuffer(bytes: UnsafeRawBufferPointer(start: text, count: Int(count)))
            }
        }
    }
}

/// What can be a word of a command.
package protocol RedisArgument: Sendable {
    func append(to bytes: inout [UInt8])
}

extension String: RedisArgument {
    package func append(to bytes: inout [UInt8]) { bytes.append(contentsOf: utf8) }
}

extension Int: RedisArgument {
    package func append(to bytes: inout [UInt8]) { String(self).append(to: &bytes) }
}

extension Int64: RedisArgument {
    package func append(to bytes: inout [UInt8]) { String(self).append(to: &bytes) }
}

extension [UInt8]: RedisArgument {
    package func append(to bytes: inout [UInt8]) { bytes.append(contentsOf: self) }
}

extension ByteBuffer: RedisArgument {
    package func append(to bytes: inout [UInt8]) { bytes.append(contentsOf: readableBytesView) }
}
