import ImportModel
import Synchronization

/// How many requests each of many callers may make: so many at once, and so many a second for longer.
///
/// Of a caller that has been quiet for long enough nothing is kept, and of no more than `maxCallers` at all.
final class RateLimiter: Sendable {
    private struct Allowance {
        var left: Double
        var at: ContinuousClock.Instant
    }

    private static let maxCallers = 10_000

    private let perSecond: Double
    private let burst: Double
    private let allowances = Mutex<[String: Allowance]>([:])

    /// - Parameters:
    ///   - perSecond: at least 1.
    ///   - burst: at least 1.
    init(perSecond: Int, burst: Int) {
        self.perSecond = Double(perSecond)
        self.burst = Double(burst)
    }

    /// How many are remembered.
    var callers: Int { allowances.withLock { $0.count } }

    /// Counts a request.
    /// - Returns: `nil` where it may be made; else after how long one may.
    func take(_ caller: String, at now: ContinuousClock.Instant = .now) -> Duration? {
        allowances.withLock { allowances in
            var left = allowances[caller].map { self.left($0, now) } ?? burst
            let mayPass = left >= 1
            if mayPass { left -= 1 }
            if allowances[caller] == nil, allowances.count >= Self.maxCallers { makeRoom(&allowances, now) }
            allowances[caller] = Allowance(left: left, at: now)
            return mayPass ? nil : .seconds((1 - left) / perSecond)
        }
    }

    private func left(_ allowance: Allowance, _ now: ContinuousClock.Instant) -> Double {
        min(burst, allowance.left + (now - allowance.at) / .seconds(1) * perSecond)
    }

    private func makeRoom(_ allowances: inout [String: Allowance], _ now: ContinuousClock.Instant) {
        allowances = allowances.filter { left($0.value, now) < burst }
        guard allowances.count >= Self.maxCallers else { return }
        // The half that was heard of last; so this is seldom.
        let order = allowances.values.map(\.at).sorted()
        let middle = order[order.count / 2]
        allowances = allowances.filter { $0.value.at >= middle }
        if allowances.count >= Self.maxCallers { allowances.removeAll() }
    }
}

extension Duration {
    fileprivate static func seconds(_ seconds: Double) -> Duration {
        .milliseconds(Int64((seconds * 1000).rounded(.up)))
    }
}
