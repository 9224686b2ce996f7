/// What keeps a worker from writing without a valid lease.
package protocol WriteGate: Sendable {
    /// Returns when a write may start: waits while the lease could be over, and ends with the task's cancellation.
    /// - Throws: when the lease is lost, whatever the run shall end with; `CancellationError`.
    func pass() async throws
}
