/// How long to wait before a failed attempt is made again: exponential, with full jitter.
package struct RetryPolicy: Hashable, Sendable {
    package var base: Duration
    package var cap: Duration

    package init(base: Duration = .seconds(5), cap: Duration = .seconds(300)) {
        self.base = base
        self.cap = cap
    }

    /// The wait after the `failures`-th failure (1, 2, …): uniform in 0 ... min(cap, base · 2^(failures − 1)).
    package func delay(afterFailures failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let doublings = min(max(failures - 1, 0), 30)
        let ceiling = min(cap, base * (1 << doublings))
        return .milliseconds(Int64.random(in: 0...max(ceiling.wholeMilliseconds, 0), using: &generator))
    }

    package func delay(afterFailures failures: Int) -> Duration {
        var generator = SystemRandomNumberGenerator()
        return delay(afterFailures: failures, using: &generator)
    }
}
