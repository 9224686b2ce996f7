import Foundation

/// The speed of a transfer, smoothed, from counts of bytes that arrive now and then.
package struct TransferRate: Sendable {
    /// Bytes per second; `nil` until two counts have been seen.
    package private(set) var bytesPerSecond: Double?
    private var last: (bytes: Int64, at: ContinuousClock.Instant)?

    /// How fast old speeds are forgotten.
    private static let memory: Duration = .seconds(6)
    /// A transfer whose count stands still for this long has no speed any more.
    private static let patience: Duration = .seconds(20)

    package init() {}

    /// Takes in a count; one that is smaller than the last (a new attempt) starts anew.
    package mutating func note(bytes: Int64, at now: ContinuousClock.Instant) {
        guard let last, bytes >= last.bytes else {
            bytesPerSecond = nil
            last = (bytes, now)
            return
        }
        let elapsed = last.at.duration(to: now)
        // The service counts in steps, so a count that has not moved says nothing yet.
        guard bytes > last.bytes else {
            if elapsed > Self.patience { bytesPerSecond = nil }
            return
        }
        guard elapsed > .zero else { return }
        let speed = Double(bytes - last.bytes) / (elapsed / .seconds(1))
        if let old = bytesPerSecond {
            let weight = 1 - exp(-(elapsed / Self.memory))
            bytesPerSecond = old + weight * (speed - old)
        } else {
            bytesPerSecond = speed
        }
        self.last = (bytes, now)
    }

    /// Seconds until `total` is reached at this speed; `nil` if nothing moves.
    package func secondsLeft(of total: Int64, done: Int64) -> Double? {
        guard let bytesPerSecond, bytesPerSecond >= 1, total >= done else { return nil }
        return Double(total - done) / bytesPerSecond
    }
}
