import ImageStorage
import NIOCore
import Testing

@testable import ImportPipeline

@Suite struct BlockGathererTests {
    @Test func `pieces of any size become blocks of one, and the rest`() {
        var gathering = BlockGatherer(blockBytes: 1000)
        var (blocks, all): ([ByteBuffer], [UInt8]) = ([], [])
        for (index, size) in [1, 999, 400, 2600, 0, 7, 993, 12].enumerated() {
            all += [UInt8](repeating: UInt8(index), count: size)
            gathering.add(ByteBuffer(repeating: UInt8(index), count: size))
            while let block = gathering.next() { blocks.append(block) }
        }
        if let rest = gathering.rest() { blocks.append(rest) }
        #expect(blocks.map(\.readableBytes) == [1000, 1000, 1000, 1000, 1000, 12])
        #expect(blocks.flatMap { Array($0.readableBytesView) } == all)
        #expect(gathering.rest() == nil)
    }

    @Test func `the memory of a block is used again once nobody holds it, and not before`() {
        var spares = SpareBlocks()
        var first: ByteBuffer? = lend("first", by: &spares)
        let held = lend("second", by: &spares)
        let memory = address(of: first)
        first = nil
        let third = lend("third", by: &spares)
        #expect(address(of: third) == memory)
        let fourth = lend("fourth", by: &spares)
        #expect(Set([held, third, fourth].map(address)).count == 3)
        #expect([held, third, fourth].map { String(buffer: $0) } == ["second", "third", "fourth"])
    }

    private func lend(_ text: String, by spares: inout SpareBlocks) -> ByteBuffer {
        var block = spares.take(capacity: 1000)
        block.writeString(text)
        spares.lend(block)
        return block
    }

    private func address(of block: ByteBuffer?) -> UnsafeRawPointer? {
        block?.withUnsafeReadableBytes { $0.baseAddress }
    }
}
