package import NIOCore

/// The bytes of an object, read as they are asked for: nothing is read ahead of the consumer.
///
/// To be iterated once. What the body holds open is released when it is dropped, read to its end or not.
package struct ObjectBody: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    /// The size of the whole object in bytes.
    package let sizeBytes: Int64
    /// The bytes of the object that this body delivers.
    package let range: Range<Int64>
    private let nextBlock: @Sendable (_ range: Range<Int64>) async throws(StorageError) -> ByteBuffer

    /// - Parameter nextBlock: reads from the start of a range that is not empty: at least one byte, and at most all.
    package init(
        sizeBytes: Int64, range: Range<Int64>,
        nextBlock: @escaping @Sendable (_ range: Range<Int64>) async throws(StorageError) -> ByteBuffer
    ) {
        self.sizeBytes = sizeBytes
        self.range = range
        self.nextBlock = nextBlock
    }

    /// The number of bytes that this body delivers.
    package var count: Int64 { range.upperBound - range.lowerBound }

    /// Reads from the start of a range within `range` that is not empty: at least one byte, and at most all.
    package func block(_ rest: Range<Int64>) async throws(StorageError) -> ByteBuffer { try await nextBlock(rest) }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body: self, rest: range) }

    package struct AsyncIterator: AsyncIteratorProtocol {
        let body: ObjectBody
        var rest: Range<Int64>

        package mutating func next() async throws -> ByteBuffer? {
            guard !rest.isEmpty else { return nil }
            try Task.checkCancellation()
            let block = try await body.nextBlock(rest)
            rest = rest.lowerBound + Int64(block.readableBytes)..<rest.upperBound
            return block
        }
    }
}
