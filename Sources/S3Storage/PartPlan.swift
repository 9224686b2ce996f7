/// How large the parts of one upload should be, which has a bounded number of them.
struct PartPlan: Sendable {
    /// No part but the last is smaller.
    let leastBytes: Int64
    let maxParts: Int
    private let expectedBytes: Int64?

    /// - Parameters:
    ///   - expectedBytes: the length, where it is known.
    ///   - maxParts: 10,000 in S3.
    init(least: Int64, expectedBytes: Int64?, maxParts: Int = 10_000) {
        leastBytes = least
        self.expectedBytes = expectedBytes
        self.maxParts = maxParts
    }

    /// The size of part `number` (1, 2, …), before which `written` bytes have gone.
    ///
    /// - Where the length is known, a part is a 9,000th of it, so that a source that sends somewhat more still fits;
    ///   parts that found no room and were smaller are made up for by the later ones.
    /// - Where it is not, parts are small as long as possible: the first half has the least size, the other half
    ///   doubles ten times, which makes more than 5 TiB out of parts that begin with 6 MiB.
    func bytes(ofPart number: Int, after written: Int64) -> Int64 {
        let size: Int64
        if let expectedBytes {
            let partsLeft = max(1, maxParts - number + 1)
            size = max(share(of: expectedBytes, maxParts), share(of: expectedBytes - written, partsLeft))
        } else {
            let step = max(1, maxParts / 20)
            let doublings = (number - 1 - maxParts / 2 + step) / step
            size = leastBytes << Int64(min(10, max(0, doublings)))
        }
        return min(max(leastBytes, size), S3Configuration.largestPartBytes)
    }

    /// The size of every part, where that is certain: what is handed over has to be told by it.
    var evenBytes: Int64? {
        guard let expectedBytes, share(of: expectedBytes, maxParts) <= leastBytes else { return nil }
        return leastBytes
    }

    /// What each of nine tenths of so many parts must hold.
    private func share(of bytes: Int64, _ parts: Int) -> Int64 {
        let parts = Int64(max(1, parts * 9 / 10))
        return bytes / parts + (bytes % parts > 0 ? 1 : 0)
    }
}
