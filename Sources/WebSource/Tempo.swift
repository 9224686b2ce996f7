/// Judges whether further connections help: if most of the time is spent waiting for one, they may; and if with them
/// the bytes do not come clearly faster, they did not.
struct Tempo {
    enum Advice: Equatable {
        case goOn
        /// So many bytes will come on the one connection while the others are opened.
        case open(lead: Int64)
        case stop
    }

    private enum Stage {
        case alone
        /// The first interval with others, which they need to begin.
        case settling(before: Double)
        case judging(before: Double)
        case decided
    }

    private let interval: Duration
    private var stage: Stage
    private var since: ContinuousClock.Instant
    private var bytes = 0
    private var waited: Duration = .zero

    init(limits: ReadAheadLimits, since: ContinuousClock.Instant = .now) {
        self.since = since
        interval = limits.interval
        stage = limits.connections > 1 ? .alone : .decided
    }

    /// Notes bytes that were waited for.
    ///
    /// - Parameter hasOthers: whether bytes of further connections are being read.
    mutating func note(
        _ count: Int, waited time: Duration, at now: ContinuousClock.Instant, hasOthers: Bool
    ) -> Advice {
        if case .decided = stage { return .goOn }
        bytes += count
        waited += time
        let elapsed = since.duration(to: now)
        guard elapsed >= interval else { return .goOn }
        let rate = Double(bytes) / (elapsed / .seconds(1))
        let isWaiting = waited * 2 > elapsed
        (since, bytes, waited) = (now, 0, .zero)
        switch stage {
        case .alone:
            guard isWaiting else { return .goOn }
            stage = .settling(before: rate)
            return .open(lead: Int64(rate * (interval * ReadAheadLimits.leadIntervals / .seconds(1))))
        case .settling(let before):
            if hasOthers { stage = .judging(before: before) }
            return .goOn
        case .judging(let before):
            stage = .decided
            // Whoever does not wait any more has been helped.
            return isWaiting && rate < 1.2 * before ? .stop : .goOn
        case .decided: return .goOn
        }
    }
}
