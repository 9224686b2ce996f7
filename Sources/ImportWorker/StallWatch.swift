import ImportModel
import ImportPipeline

/// Sees when an attempt moves nothing though its heartbeats are fine.
///
/// While it commits no bytes move: what was written is brought onto a disk, or put together from its parts, and that
/// may take some times longer; a store that takes too long for it is given up before.
struct StallWatch {
    let limit: Duration

    /// Returns, with the reason, when nothing has moved for too long; ends with the task's cancellation.
    func wait(for keeper: LeaseKeeper) async throws -> String {
        var last = keeper.progress
        var movedAt = ContinuousClock.now
        while true {
            try await Task.sleep(for: max(self.limit / 8, .milliseconds(10)))
            let now = ContinuousClock.now
            let progress = keeper.progress
            let limit = limit * (progress.phase == .committing ? StorePatience.commitFactor + 1 : 1)
            // A pause for want of a lease is not the transfer's fault.
            if progress != last || keeper.isPaused {
                last = progress
                movedAt = now
            } else if now - movedAt >= limit {
                return "nothing moved for \(limit.components.seconds) s while \(progress.phase.rawValue), "
                    + "after \(progress.bytes) bytes"
            }
        }
    }
}
