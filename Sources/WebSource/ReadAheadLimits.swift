/// When a source is read by several connections at once, and how much of it may wait for its turn.
package struct ReadAheadLimits: Hashable, Sendable {
    /// At once, for one source; 1: never more.
    package var connections: Int
    /// What is asked for at a time; a whole number of them fits into the window.
    var chunkBytes: Int64 { connections > 4 ? largeChunkBytes / 2 : largeChunkBytes }
    var largeChunkBytes: Int64 = 3 << 19
    /// All that may have arrived before it is its turn: the most memory that an import takes for this.
    var windowBytes: Int64 = 6 << 20
    /// What is still to come must be worth it.
    var leastBytes: Int64 = 16 << 20
    /// Over which a rate is measured.
    var interval: Duration = .seconds(1)

    /// From the opening of further connections to their first bytes.
    var patience: Duration = .seconds(3)
    /// For how long the first connection goes on alone while the others are opened.
    static let leadIntervals = 2

    package init(connections: Int) { self.connections = connections }
}
