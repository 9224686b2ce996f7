/// Full jitter: any time up to a bound that doubles with each failure, so that a fleet does not come back in step.
struct Backoff: Sendable {
    var base = Duration.milliseconds(50)
    var cap = Duration.seconds(2)

    init() {}

    /// For a client that itself waits only so long for a connection: a pause beyond that would waste what it has.
    init(patience: Duration) { cap = min(cap, patience) }

    /// - Parameter failures: in a row, from 1.
    func delay(afterFailures failures: Int) -> Duration {
        bound(afterFailures: failures) * Double.random(in: 0...1)
    }

    func bound(afterFailures failures: Int) -> Duration {
        min(cap, base * (1 << min(max(failures - 1, 0), 16)))
    }
}
