import NIOCore

extension Request {
    /// The same command with another edition of its script: a line longer, and so with another digest.
    func inOtherEdition() -> Request {
        guard let source else { return self }
        let before = command == "EVAL" ? words[..<1] : words[..<2]
        // What stands before the script is what was read of the command, each word with its length.
        let prefix = before.reduce(0) { $0 + "$\($1.readableBytes)\r\n".utf8.count + $1.readableBytes + 2 }
        var rest = bytes
        guard let head = rest.readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
            var result = rest.readSlice(length: head + 1 - rest.readerIndex + prefix)
        else { return self }
        rest.moveReaderIndex(forwardBy: "$\(source.readableBytes)\r\n".utf8.count + source.readableBytes)
        result.writeString("$\(source.readableBytes + 1)\r\n")
        result.writeImmutableBuffer(source)
        result.writeString("\n")
        result.writeBuffer(&rest)
        return Request(bytes: result)
    }
}
