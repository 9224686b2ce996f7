/// What happens in the end: the steps that processes, time and the network make when nothing goes wrong any more, and
/// where these have to lead.
extension Model {
    /// The steps that come sooner or later, in whatever order. Not among them: faults, what clients and administrators
    /// may ask for, beats, a proof of death (nobody may be there to give it), and time that is up.
    package func progress(from steps: [Step], of state: State) -> [Step] {
        var progress = steps.filter { hasToHappen($0.action, state) }
        if state.replica != nil {
            var after = state
            after.replica = nil
            progress.append((.catchesUp, after))
        }
        // What is on its way arrives or is lost; it is not on its way for ever.
        for (index, call) in state.late.enumerated() {
            var after = state
            after.late.remove(at: index)
            progress.append((.isLost(call), after))
        }
        for (index, write) in state.writes.enumerated() {
            var after = state
            after.writes.remove(at: index)
            progress.append((.neverLands(object: write.object), after))
        }
        for index in progress.indices { canonicalise(&progress[index].state) }
        return progress
    }

    private func hasToHappen(_ action: Action, _ state: State) -> Bool {
        switch action {
        // What is named in vain may be swept and named again without end; that the replica catches up has to happen.
        case .call(_, .garbageName, .unconfirmed): false
        case .call(let actor, let call, .answered), .call(let actor, let call, .unconfirmed):
            hasToHappen(call, by: actor, state)
        case .late, .land, .write, .sweeperDeletes, .passes(.due), .passes(.grace): true
        case .passes(.silence(let task)): isSilent(task, state)
        default: false
        }
    }

    private func hasToHappen(_ call: Call, by actor: Actor, _ state: State) -> Bool {
        switch (actor, call) {
        case (.worker, .importClaim), (.worker, .importPublish), (.worker, .importLocate), (.worker, .garbageName): true
        case (.worker(let index), .uploadOpen): state.workers[index].phase != .idle
        case (.worker(let index), .importCheckpoint(_, _, let objects)):
            state.workers[index].phase == .settling(call) || (objects.isEmpty && hasToForget(index, state))
        case (.worker(let index), .importRelease): state.workers[index].phase == .settling(call)
        case (.worker(let index), .importFail(_, _, let how)):
            state.workers[index].phase == .settling(call)
                || (how == .retryNow && isAtItsEnd(state.workers[index], state))
        case (.recoverer, .importSuspect(let task, _)): isSilent(task, state)
        case (.recoverer, .importRecover(_, _, nil)): true
        case (.auditor, _), (.sweeper, _): true
        case (.administrator, .queuePause(let isPaused)): !isPaused
        default: false
        }
    }

    /// Whether nobody beats for a running task.
    private func isSilent(_ id: Int, _ state: State) -> Bool {
        let task = state.redis.tasks[id]
        guard task.state == .processing else { return false }
        return !state.workers.contains { worker in
            switch worker.phase {
            case .running, .settling: worker.task == id && worker.nonce == task.nonce
            // It will hear of the task when it asks again.
            case .asking(let call): call.nonce == task.nonce
            case .idle, .naming, .finished, .dead: false
            }
        }
    }

    /// Whether everything that still waits for something is at its end.
    package func isAtRest(_ state: State) -> Bool { unrest(state).isEmpty }

    /// What is not at rest, in words.
    package func unrest(_ state: State) -> [String] {
        var unrest: [String] = []
        for task in state.redis.live { unrest.append("task \(task) is \(state.redis.tasks[task].state)") }
        for (index, worker) in state.workers.enumerated() {
            switch worker.phase {
            case .idle, .finished, .dead: continue
            case .asking, .running, .settling, .naming: unrest.append("worker \(index) is \(worker.phase)")
            }
        }
        if !state.late.isEmpty || !state.writes.isEmpty { unrest.append("something is still on its way") }
        guard configuration.sweeps else { return unrest }
        if !state.redis.garbage.isEmpty { unrest.append("garbage is left: \(state.redis.garbage)") }
        if !state.sweeper.taken.isEmpty { unrest.append("the sweeper is not done") }
        for object in state.objects.indices
        where state.objects[object] != nil && !scripts.isNamed(state.redis, object)
            && (configuration.lists || !state.told.strays.contains(object))
        {
            unrest.append("object \(object) is named by nothing, and stays")
        }
        return unrest
    }

    /// Whether a task that ends in a step of progress ends in success, or for a reason that nobody can mend: it has no
    /// attempt left, its deadline is over, or its bytes cannot be asked for again. What was decided before counts too.
    package func endsWell(_ step: Step, from state: State) -> Bool {
        switch step.action {
        case .late, .call(_, .importFail(_, _, .reject), _): return true
        default: break
        }
        return configuration.tasks.indices.allSatisfy { id in
            let (before, after) = (state.redis.tasks[id], step.state.redis.tasks[id])
            guard before.isLive, after.state == .failure else { return true }
            switch after.result {
            case .attemptsSpent: return before.spent >= configuration.maxAttempts
            case .deadline: return before.isOverdue
            case .interrupted: return !configuration.tasks[id].isImport
            default: return false
            }
        }
    }
}
