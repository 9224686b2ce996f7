/// The times and limits of the lease protocol. Every process of a fleet should run with the same.
package struct LeaseSettings: Hashable, Sendable {
    /// How long a silent attempt is left alone.
    package var lease: Duration = .seconds(30)
    /// How often a holder beats.
    package var beat: Duration = .seconds(5)
    /// How long before its own lease can be over a holder stops writing.
    package var margin: Duration = .seconds(8)
    /// How long a holder must have been silent before a new import may take its lock.
    package var stealAfter: Duration = .seconds(30 * 60)
    /// How long a never claimed task may wait before a new import may take its lock; zero: for ever.
    package var pendingStealAfter: Duration = .seconds(2 * 3600)
    /// Claims that may fail before the task does.
    package var maxAttempts = 5
    /// By when, from its creation, a task must have ended.
    package var deadline: Duration = .seconds(24 * 3600)
    /// How long finished tasks can be read.
    package var retention: Duration = .seconds(48 * 3600)
    /// How long after the end of its lease an unnamed object is kept before the sweeper removes it.
    package var garbageGrace: Duration = .seconds(10 * 60)

    package init() {}

    /// Refuses settings under which a healthy holder could lose its lease.
    package func validate() throws(InvalidValue) {
        guard beat > .zero, lease >= beat * 3 else {
            throw InvalidValue("lease (\(lease)) must be at least three beats (\(beat))")
        }
        guard margin > .zero, margin + beat < lease else {
            throw InvalidValue("margin (\(margin)) plus one beat (\(beat)) must be less than the lease (\(lease))")
        }
        guard stealAfter >= lease else {
            throw InvalidValue("steal-after (\(stealAfter)) must not be less than the lease (\(lease))")
        }
        guard maxAttempts >= 1 else { throw InvalidValue("max-attempts must be at least 1") }
    }
}

extension Duration {
    /// Whole milliseconds, as they stand in Redis; saturates rather than overflow.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : scaled + attoseconds / 1_000_000_000_000_000
    }
}
