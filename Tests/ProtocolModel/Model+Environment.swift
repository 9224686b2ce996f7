/// What nobody does: time, the network, the stores, and Redis itself failing.
extension Model {
    func environmentSteps(_ state: State, _ steps: inout [Step]) {
        time(state, &steps)
        network(state, &steps)
        failures(state, &steps)
    }

    /// Time passes for one thing at a time, and only where something may come of it.
    private func time(_ state: State, _ steps: inout [Step]) {
        func pass(_ passing: Passing) {
            var after = state
            passing.apply(to: &after.redis)
            steps.append((.passes(passing), after))
        }
        for id in configuration.tasks.indices {
            let task = state.redis.tasks[id]
            if !task.isOld, task.isLive, matters(id, state) { pass(.silence(task: id)) }
            if configuration.deadlines.contains(id), task.isLive, !task.isOverdue { pass(.deadline(task: id)) }
            if state.redis.delayed.contains(id), !state.redis.due.contains(id) { pass(.due(task: id)) }
        }
        guard configuration.sweeps else { return }
        for object in state.redis.garbage.subtracting(state.redis.ripe) {
            // The one assumption about time: no request is on its way for longer than the grace (10 minutes).
            let isAwaited = state.late.contains { $0.nonce == configuration.nonce(of: object) }
            if !isAwaited { pass(.grace(object: object)) }
        }
    }

    /// Whether anybody would do something about this task's age.
    private func matters(_ id: Int, _ state: State) -> Bool {
        // Two keys, in this order: the other order leads to the same.
        if state.redis.tasks[id].state == .processing { return state.redis.tasks[id].suspect != nil }
        return configuration.tasks.indices.contains { other in
            other != id && configuration.tasks[other].image == configuration.tasks[id].image
                && state.redis.tasks[other].state == .absent
        }
    }

    private func network(_ state: State, _ steps: inout [Step]) {
        for (index, call) in state.late.enumerated() {
            var after = state
            after.late.remove(at: index)
            let reply = scripts.run(call, on: &after.redis)
            steps.append((.late(call, reply), after))
        }
        for (index, write) in state.writes.enumerated() {
            var after = state
            after.writes.remove(at: index)
            complete(write, in: &after)
            after.told.strays.insert(write.object)
            steps.append((.land(object: write.object), after))
        }
    }

    /// An object becomes visible, whole. Write-once: one that is there stays as it is.
    func complete(_ write: Write, in state: inout State) {
        guard state.objects[write.object] == nil || removed == .keyContainsNonce else { return }
        state.objects[write.object] = write.content
        state.unfinished.remove(write.object)
    }

    /// What was durable is lost all the same, by somebody's hand.
    private func losses(_ state: State, _ steps: inout [Step]) {
        if state.backup == nil {
            var after = state
            after.backup = state.redis
            after.backup?.renewed = []
            steps.append((.backup, after))
        }
        var emptied = replaced(state, by: Redis(configuration))
        emptied.redis.catalog = 1
        steps.append((.emptied, emptied))
        // The two assumptions of the mark: a sweep has seen the last that is lost, and looks before as much is counted
        // again.
        if let backup = state.backup, state.marker.mark == state.redis.sequence {
            var restored = replaced(state, by: backup)
            restored.workers = State(configuration, removed: removed).workers
            restored.sweeper = Sweeper()
            (restored.late, restored.writes) = ([], [])
            if isDoubted(restored) { restored.marker.isHeld = removed != .holdIsLatched }
            steps.append((.restored, restored))
        }
    }

    private func replaced(_ state: State, by redis: Redis) -> State {
        var after = state
        after.budget.losses -= 1
        after.backup = nil
        after.redis = redis
        after.redis.run = state.redis.run + 1
        after.told = Told()
        for object in state.objects.indices where state.objects[object] != nil {
            let image = state.redis.images[configuration.image(of: object)]
            let isKept = image.locations[configuration.store(of: object)] == object || image.stage == object
            if isKept { after.told.lost.insert(object) }
            after.told.strays.insert(object)
        }
        return after
    }

    private func failures(_ state: State, _ steps: inout [Step]) {
        if state.budget.restarts > 0 {
            var after = state
            after.budget.restarts -= 1
            after.redis.run += 1
            steps.append((.restart, after))
        }
        if state.budget.losses > 0 { losses(state, &steps) }
        if state.replica == nil, state.budget.failovers > 0 {
            var after = state
            after.budget.failovers -= 1
            after.replica = state.redis
            steps.append((.lag, after))
        }
        if let replica = state.replica {
            var after = state
            after.redis = replica
            after.redis.run = state.redis.run + 1
            after.replica = nil
            // Of what the dead had claimed in the time that is lost, nothing is known any more.
            let hasDeath = after.workers.contains { $0.phase == .dead }
            for object in after.objects.indices where hasDeath && after.objects[object] != nil {
                let isAwaited = after.workers.contains { worker in
                    worker.hasAttempt && worker.nonce == configuration.nonce(of: object)
                }
                if !isAwaited { after.told.strays.insert(object) }
            }
            // What was handed over in that time has lost its checkpoint.
            for worker in after.workers { after.told.strays = after.told.strays.union(worker.handed) }
            steps.append((.failover, after))
        }
    }
}
