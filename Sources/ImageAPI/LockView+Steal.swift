import ImportModel

extension LockView {
    /// What the lock of a live task looks like from outside, by the rules that `import-create` goes by.
    init(_ task: TaskRecord, now: Int64, settings: LeaseSettings) {
        let age = max(0, max(0, now) - max(0, task.updatedAtMs))
        let (stealIn, why) = Self.steal(task, age: age, settings)
        self.init(
            imageId: task.image, taskId: task.id, state: task.state, phase: task.phase,
            worker: task.state == .processing ? task.worker?.rawValue : nil, ageMs: age, leaseMs: task.leaseMs,
            isSuspect: task.isSuspect, stealInMs: stealIn, why: why)
    }

    private static func steal(_ task: TaskRecord, age: Int64, _ settings: LeaseSettings) -> (Int64?, String) {
        let limit = settings.stealAfter
        let rest = max(0, limit.wholeMilliseconds - age)
        if task.state == .processing {
            if age <= task.leaseMs, !task.isSuspect { return (rest, "its holder beats; the lease is alive") }
            if rest > 0 {
                return (
                    rest,
                    "its holder is silent; it is given back to the queue, or free for another import after "
                        + "\(Elapsed.text(limit)) of silence"
                )
            }
            return task.isSuspect
                ? (0, "its holder has been silent for too long: another import may take the lock now")
                : (
                    1,
                    "its holder has been silent for too long; it can be taken once somebody has watched it for a lease"
                )
        }
        if task.attempt > 0 {
            return rest > 0
                ? (rest, "it waits for another attempt; another import may take the lock if it still waits then")
                : (0, "it has waited too long for another attempt: another import may take the lock now")
        }
        let patience = settings.pendingStealAfter
        guard patience > .zero else {
            return (nil, "it waits in the queue and keeps the lock until a worker claims it")
        }
        let wait = max(0, patience.wholeMilliseconds - age)
        return wait > 0
            ? (wait, "it waits in the queue; another import may take the lock if no worker has claimed it by then")
            : (0, "no worker has claimed it for too long: another import may take the lock now")
    }
}
