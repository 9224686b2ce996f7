import ImportModel
import LeaseStore

/// What a recoverer remembers of silent attempts: since when, by its own monotonic clock, it has seen each one's
/// heartbeat unchanged under the same run of the server. While that was away nobody could beat.
struct WatchList {
    private var seen: [TaskID: (beatSeq: Int64, since: ContinuousClock.Instant)] = [:]
    private var run: String?

    /// When the first of the watched attempts will have been silent for its whole lease.
    private(set) var nextDue: ContinuousClock.Instant?

    /// Begins anew: the server could not be asked, so a silence may be its own.
    mutating func forget() {
        seen = [:]
        nextDue = nil
    }

    /// Takes what a scan found under this run of the server, and returns the attempts that were watched being silent for
    /// their whole lease.
    mutating func observe(
        _ silent: [SilentAttempt], run: String, at now: ContinuousClock.Instant
    ) -> [SilentAttempt] {
        if run != self.run { forget() }
        self.run = run
        var next: [TaskID: (beatSeq: Int64, since: ContinuousClock.Instant)] = [:]
        var overdue: [SilentAttempt] = []
        nextDue = nil
        for attempt in silent {
            let known = seen[attempt.task]
            let since = known.flatMap { $0.beatSeq == attempt.beatSeq ? $0.since : nil } ?? now
            next[attempt.task] = (attempt.beatSeq, since)
            if now - since >= attempt.lease {
                overdue.append(attempt)
            } else {
                nextDue = min(nextDue ?? since + attempt.lease, since + attempt.lease)
            }
        }
        // What beats again, or has ended, is no longer in the scan and is forgotten with it.
        seen = next
        return overdue
    }
}
