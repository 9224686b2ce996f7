package import NIOCore

/// The memory of blocks that were handed on, taken back once nobody holds them any more.
///
/// Fresh memory costs a page fault for every 4 KiB of every block. There are never more blocks here than were on their
/// way at once, which queues and back-pressure bound.
package struct SpareBlocks: Sendable {
    private var lent: [ByteBuffer] = []

    package init() {}

    /// An empty buffer: one with room for `capacity` bytes, or one that was lent.
    package mutating func take(capacity: Int) -> ByteBuffer {
        for index in lent.indices where lent[index].modifyIfUniquelyOwned({ $0.clear() }) != nil {
            return lent.remove(at: index)
        }
        return ByteBufferAllocator().buffer(capacity: capacity)
    }

    /// Remembers a block that is handed on and not written to again.
    package mutating func lend(_ block: ByteBuffer) { lent.append(block) }
}
