package import Foundation
package import NIOCore
import NIOFoundationCompat

/// An image whose bytes follow from its seed and size, so that nobody has to keep them.
package struct SourceImage: Hashable, Sendable {
    package static let blockBytes = 65_536
    private static let headBytes = 16

    package let seed: UInt64
    /// In bytes.
    package let size: Int64

    package init(seed: Int, bytes: Int64) {
        self.seed = UInt64(seed)
        size = bytes
    }

    package init(seed: Int, mib: Int) { self.init(seed: seed, bytes: Int64(mib) << 20) }

    package var blockCount: Int { Int((size + Int64(Self.blockBytes) - 1) / Int64(Self.blockBytes)) }

    /// A block: where it stands and whose it is, then noise.
    package func block(_ index: Int) -> ByteBuffer {
        var block = ByteBufferAllocator().buffer(capacity: Self.blockBytes)
        block.writeInteger(seed)
        block.writeInteger(UInt64(index))
        let start = Int((seed &* 31 &+ UInt64(index) &* 7) % 4096)
        if let noise = Self.noise.getSlice(at: start, length: Self.blockBytes - Self.headBytes) {
            block.writeImmutableBuffer(noise)
        }
        let rest = size - Int64(index) * Int64(Self.blockBytes)
        return block.getSlice(at: 0, length: Int(min(Int64(Self.blockBytes), rest))) ?? ByteBuffer()
    }

    /// What is left from the beginning of a range to the end of the block there, or of the range.
    package func block(_ range: Range<Int64>) -> ByteBuffer {
        let place = range.lowerBound.quotientAndRemainder(dividingBy: Int64(Self.blockBytes))
        var block = block(Int(place.quotient))
        block.moveReaderIndex(forwardBy: Int(place.remainder))
        return block.readSlice(length: min(block.readableBytes, range.count)) ?? ByteBuffer()
    }

    /// What differs between this image and the bytes of a file; `nil`: nothing.
    package func difference(from file: URL) throws -> String? {
        let handle = try FileHandle(forReadingFrom: file)
        defer { try? handle.close() }  // it was only read
        let stored = try handle.seekToEnd()
        guard stored == UInt64(size) else { return "it has \(stored) bytes instead of \(size)" }
        try handle.seek(toOffset: 0)
        for index in 0..<blockCount {
            let expected = block(index)
            let found = try handle.read(upToCount: expected.readableBytes) ?? Data()
            guard found == Data(buffer: expected) else { return "its block \(index) is different" }
        }
        return nil
    }

    /// All bytes; for small images.
    package var bytes: Data {
        (0..<blockCount).reduce(into: Data()) { $0.append(contentsOf: block($1).readableBytesView) }
    }

    private static let noise: ByteBuffer = {
        var buffer = ByteBuffer()
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        while buffer.readableBytes < blockBytes + 4096 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            buffer.writeInteger(state)
        }
        return buffer
    }()
}
