import NIOCore

/// The bytes between a reader and what was asked for last: chunks in their order, each fetched by one line at a time.
/// Holds no more than the window.
struct ReadAheadWindow {
    struct Chunk {
        let end: Int64
        /// Of the first byte that has not arrived.
        var next: Int64
        /// What has arrived and was not taken, in blocks.
        var blocks: [ByteBuffer] = []
        /// Whether a line fetches it.
        var isHeld = true

        var isComplete: Bool { next == end }
    }

    /// Pieces are copied together: each may be a few bytes in a large buffer.
    static let blockBytes = 256 << 10

    let limits: ReadAheadLimits
    /// Of the source.
    let end: Int64
    private(set) var chunks: [Chunk] = []
    /// Of the first byte that was not taken.
    private(set) var taken: Int64
    /// Of the first byte that nobody has claimed yet.
    private(set) var unclaimed: Int64

    init(limits: ReadAheadLimits, from start: Int64, to end: Int64) {
        self.limits = limits
        self.end = end
        (taken, unclaimed) = (start, start)
    }

    /// What a line has left undone comes before what is new.
    mutating func claimLeft() -> ClosedRange<Int64>? {
        guard let index = chunks.firstIndex(where: { !$0.isHeld && !$0.isComplete }) else { return nil }
        chunks[index].isHeld = true
        return chunks[index].next...chunks[index].end - 1
    }

    /// The next chunk, if the window has room for it.
    mutating func claimNew() -> ClosedRange<Int64>? {
        let next = min(unclaimed + limits.chunkBytes, end)
        guard unclaimed < end, next - taken <= limits.windowBytes else { return nil }
        defer { unclaimed = next }
        chunks.append(Chunk(end: next, next: unclaimed))
        return unclaimed...next - 1
    }

    /// Adds bytes to the chunk that ends at `end`.
    mutating func add(_ bytes: ByteBuffer, to end: Int64) {
        guard let index = chunks.firstIndex(where: { $0.end == end }) else { return }
        chunks[index].next += Int64(bytes.readableBytes)
        var bytes = bytes
        while bytes.readableBytes > 0 {
            if chunks[index].blocks.last.map({ $0.writableBytes == 0 }) ?? true {
                var block = ByteBuffer()
                block.reserveCapacity(min(Self.blockBytes, Int(limits.chunkBytes)))
                chunks[index].blocks.append(block)
            }
            let last = chunks[index].blocks.count - 1
            let room = chunks[index].blocks[last].writableBytes
            guard var piece = bytes.readSlice(length: min(room, bytes.readableBytes)) else { return }
            chunks[index].blocks[last].writeBuffer(&piece)
        }
    }

    /// Leaves the chunk that ends at `end` to others, unless it is complete.
    mutating func release(_ end: Int64) {
        guard let index = chunks.firstIndex(where: { $0.end == end }) else { return }
        chunks[index].isHeld = false
    }

    /// Whether there is something to take.
    var hasNext: Bool { chunks.first?.blocks.isEmpty == false }

    /// The next bytes in order, if they have arrived.
    mutating func take() -> ByteBuffer? {
        guard let first = chunks.first, !first.blocks.isEmpty else { return nil }
        let block = chunks[0].blocks.removeFirst()
        taken += Int64(block.readableBytes)
        if taken == first.end { chunks.removeFirst() }
        return block
    }
}
