/// How fast the bytes of an answer come, as far as that is the service's doing: what the reader takes for itself does
/// not count.
struct S3Pace: Sendable {
    private(set) var bytes: Int64 = 0
    private(set) var waited: Duration = .zero

    /// What is taken for progress.
    static let leastBytesPerSecond: Int64 = 64 << 10

    mutating func note(bytes count: Int64, waited time: Duration) {
        bytes += count
        waited += time
    }

    /// How long so many bytes may take.
    static func longest(for bytes: Int64) -> Duration { .seconds(bytes / leastBytesPerSecond) }
}
