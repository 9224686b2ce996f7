/// What a run of a row has shown.
package struct FaultReport: Codable, Sendable {
    package struct Violation: Codable, Sendable, CustomStringConvertible {
        package let promise: Promise
        package let what: String

        package var description: String { "\(promise.rawValue): \(what)" }
    }

    /// Times from the loss of a holder to the next claim, in seconds.
    package struct Recovery: Codable, Sendable {
        package let count: Int
        package let median: Double
        package let p99: Double
        package let longest: Double
        /// What p99 may be: the lease, two beats and a sweep.
        package let bound: Double

        init?(_ times: [Duration], bound: Duration) {
            let sorted = times.map { $0 / .seconds(1) }.sorted()
            guard let last = sorted.last else { return nil }
            count = sorted.count
            median = sorted[sorted.count / 2]
            p99 = Self.p99(of: sorted)
            longest = last
            self.bound = bound / .seconds(1)
        }

        /// The smallest of these times, which are in order, that at least 99 of 100 do not exceed.
        static func p99(of sorted: [Double]) -> Double { sorted[(sorted.count * 99 + 99) / 100 - 1] }
    }

    package struct Figure: Codable, Sendable {
        package let name: String
        package let value: Double
        package let unit: String
    }

    package let row: String
    package let fault: String
    package let seed: UInt64
    package let scale: Int
    package let seconds: Double
    package let images: Int
    /// By kind.
    package let faults: [String: Int]
    package let recovery: Recovery?
    package let figures: [Figure]
    package let violations: [Violation]
}
