/// `import-suspect.lua`, `import-recover.lua`, `import-cancel.lua`, `audit-step.lua`.
extension ScriptModel {
    func importSuspect(_ redis: inout Redis, _ id: Int, _ beat: Int) -> Reply {
        guard redis.tasks[id].state == .processing, redis.tasks[id].beat == beat else { return .moved }
        redis.tasks[id].suspect = Suspicion(run: redis.run, beat: beat)
        return .suspected
    }

    func importRecover(_ redis: inout Redis, _ id: Int, _ beat: Int, _ dead: Int?) -> Reply {
        let task = redis.tasks[id]
        guard task.state == .processing, task.beat == beat else { return .moved }
        if let dead {
            if task.worker != dead { return .moved }
        } else if !isSuspect(redis, task) || !task.isOld {
            return .alive
        }
        let settled = retry(&redis, id, isDelayed: false)
        if removed == .recoverKeepsLock { redis.images[request(id).image].lock = nil }
        return settled == .requeued ? .requeued : .ended
    }

    func importCancel(_ redis: inout Redis, _ id: Int) -> Reply {
        let task = redis.tasks[id]
        if task.state == .absent { return .noTask }
        if task.result == .cancelled { return .cancelled }
        if !task.isLive { return .terminal(task.state) }
        finish(&redis, id, .failure, .cancelled)
        return .cancelled
    }

    /// Only what it does to a sound catalog: ending tasks past their deadline. That there is nothing to repair is what
    /// the invariants say.
    func auditStep(_ redis: inout Redis) -> Reply {
        var ended = 0
        for id in redis.live where redis.tasks[id].isOverdue {
            finish(&redis, id, .failure, .deadline)
            ended += 1
        }
        return .next(ended: ended)
    }
}
