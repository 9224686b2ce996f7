import ImageStorage
import NIOCore

/// Turns buffers of any size into blocks of one size.
///
/// Small buffers are copied together: a slice of a few bytes would keep a whole network buffer alive, and a source that
/// drips would escape the bound on memory. What is a block already, or more, is handed on as it is.
struct BlockGatherer {
    private let blockBytes: Int
    private var arrived = ByteBuffer()
    private var gathered = ByteBuffer()
    private var spares = SpareBlocks()

    init(blockBytes: Int) { self.blockBytes = blockBytes }

    /// Takes `buffer`; `next` must have returned `nil` since the last one.
    mutating func add(_ buffer: ByteBuffer) { arrived = buffer }

    /// The next full block.
    mutating func next() -> ByteBuffer? {
        if gathered.readableBytes == 0, let block = arrived.readSlice(length: blockBytes) { return block }
        let room = blockBytes - gathered.readableBytes
        guard arrived.readableBytes > 0,
            var piece = arrived.readSlice(length: min(room, arrived.readableBytes))
        else {
            arrived = ByteBuffer()
            return nil
        }
        if gathered.capacity == 0 { gathered = spares.take(capacity: blockBytes) }
        gathered.writeBuffer(&piece)
        guard gathered.readableBytes == blockBytes else { return nil }
        defer { gathered = ByteBuffer() }
        spares.lend(gathered)
        return gathered
    }

    /// The last, shorter block.
    mutating func rest() -> ByteBuffer? {
        defer { gathered = ByteBuffer() }
        return gathered.readableBytes > 0 ? gathered : nil
    }
}
