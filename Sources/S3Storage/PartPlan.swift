/// How large the parts of one upload are, which has at most 10,000 of them.
struct PartPlan: Sendable {
    /// The size of the first part.
    let firstBytes: Int64
    /// Whether the length was not known, so that parts grow.
    private let isGrowing: Bool

    static let maxParts = 10_000

    /// - Parameter expectedBytes: the length, where it is known: a part is a 9,000th of it at least, so that a source
    ///   that sends somewhat more still fits.
    init(least: Int64, expectedBytes: Int64?) {
        let even = (expectedBytes ?? 0) / 9_000
        let mebibyte: Int64 = 1 << 20
        firstBytes = min(
            max(least, (even + mebibyte - 1) / mebibyte * mebibyte), S3Configuration.largestPartBytes)
        isGrowing = expectedBytes == nil
    }

    /// The size of part `number` (1, 2, …): twice as much every 1,000 parts where the length is not known, which makes
    /// more than 5 TiB out of 10,000 parts that begin with 8 MiB.
    func bytes(ofPart number: Int) -> Int64 {
        guard isGrowing else { return firstBytes }
        return min(firstBytes << Int64(min((number - 1) / 1_000, 20)), S3Configuration.largestPartBytes)
    }
}
