/// What clients, administrators and the services of the fleet do.
extension Model {
    /// Requests of clients and administrators.
    func clientSteps(_ state: State, _ steps: inout [Step]) {
        for task in configuration.tasks.indices where configuration.tasks[task].isImport {
            create(task, state, &steps)
        }
        for task in configuration.cancels
        where !state.told.cancelled.contains(task) && state.redis.tasks[task].state != .absent {
            perform(.importCancel(task: task), by: .administrator, state, &steps, mayDelay: false) { after, reply in
                if reply == .cancelled { after.told.cancelled.insert(task) }
            }
        }
        for image in configuration.deletes where !state.told.deleted.contains(image) {
            perform(.imageDelete(image: image), by: .administrator, state, &steps, mayDelay: false) { after, reply in
                if reply == .deleted || reply == .noImage { after.told.deleted.insert(image) }
            }
        }
        if state.budget.pauses > 0 || state.redis.isPaused {
            var before = state
            if state.redis.isPaused { before.told.isPaused = false } else { before.budget.pauses -= 1 }
            perform(
                .queuePause(!state.redis.isPaused), by: .administrator, before, &steps, mayDelay: false
            ) { after, reply in after.told.isPaused = reply == .paused }
        }
        if state.budget.patches > 0 {
            var before = state
            before.budget.patches -= 1
            let format = 1 - state.redis.images[0].format
            perform(
                .imageUpdate(image: 0, format: format), by: .administrator, before, &steps, mayDelay: false
            ) { _, _ in }
        }
        if state.budget.removals > 0 {
            var before = state
            before.budget.removals -= 1
            for store in 0..<configuration.stores {
                perform(
                    .locationDelete(image: 0, store: store), by: .administrator, before, &steps
                ) { _, _ in }
            }
        }
        if state.budget.switches > 0 {
            var before = state
            before.budget.switches -= 1
            for isActive in [false, true] {
                perform(
                    .imageSwitch(image: 0, isActive: isActive), by: .administrator, before, &steps
                ) { _, _ in }
            }
        }
    }

    /// A create is repeated, with the same id, until it is answered; a refused one may be asked for again later.
    private func create(_ task: Int, _ state: State, _ steps: inout [Step]) {
        guard !state.told.created.contains(task) else { return }
        if removed == .createIsOneScript {
            let image = state.redis.images[configuration.tasks[task].image]
            let part: Part =
                switch state.redis.tasks[task].state {
                case .absent where image.lock == task: .createTask(task: task)
                case .absent: .createLock(task: task)
                default: .createQueue(task: task)
                }
            perform(.part(part), by: .api, state, &steps, mayDelay: false) { after, reply in
                if case .created = reply { after.told.created.insert(task) }
            }
            return
        }
        perform(.importCreate(task: task), by: .api, state, &steps) { after, reply in
            if case .created = reply { after.told.created.insert(task) }
        }
    }

    /// Recoverers, the auditor, the sweeper.
    func fleetSteps(_ state: State, _ steps: inout [Step]) {
        recover(state, &steps)
        if removed != .auditEndsOverdue, state.redis.live.contains(where: { state.redis.tasks[$0].isOverdue }) {
            perform(.auditStep, by: .auditor, state, &steps, mayDelay: false) { _, _ in }
        }
        if configuration.lists, !isDoubted(state) {
            for object in state.objects.indices
            where state.objects[object] != nil && !state.redis.garbage.contains(object) {
                perform(.garbageName(objects: [object]), by: .auditor, state, &steps, mayDelay: false) { _, _ in }
            }
        }
        if configuration.sweeps { sweep(state, &steps) }
    }

    /// A recoverer may suspect any attempt at any moment: that it has watched it for a whole lease is what keeps
    /// attempts alive, and safety must not depend on it. What it saw before is refused by the number of the beat.
    private func recover(_ state: State, _ steps: inout [Step]) {
        for id in configuration.tasks.indices where state.redis.tasks[id].state == .processing {
            let task = state.redis.tasks[id]
            if let worker = task.worker, state.workers[worker].phase == .dead {
                perform(
                    .importRecover(task: id, beat: task.beat, dead: worker), by: .recoverer, state, &steps,
                    mayDelay: false
                ) { _, _ in }
            }
            guard configuration.recovers, removed != .silenceIsWatched else { continue }
            if task.suspect != Suspicion(run: state.redis.run, beat: task.beat) {
                perform(
                    .importSuspect(task: id, beat: task.beat), by: .recoverer, state, &steps, mayDelay: false
                ) { _, _ in }
            }
            if scripts.isSuspect(state.redis, task), task.isOld {
                perform(
                    .importRecover(task: id, beat: task.beat, dead: nil), by: .recoverer, state, &steps,
                    mayDelay: false
                ) { _, _ in }
            }
        }
    }

    /// Whether the sweeper finds that this Redis is not what the store knows.
    func isDoubted(_ state: State) -> Bool {
        guard removed != .lossIsNoticed else { return false }
        return state.marker.isHeld || state.redis.catalog != 0 || state.redis.sequence < state.marker.mark
    }

    private func sweep(_ state: State, _ steps: inout [Step]) {
        if state.sweeper.taken.isEmpty {
            for store in 0..<configuration.stores
            where configuration.losses > 0
                || !state.redis.ripe.intersection(configuration.objects(in: store)).isEmpty
            {
                perform(.garbageTake(store: store), by: .sweeper, state, &steps, mayDelay: false) { after, reply in
                    guard case .taken(let objects) = reply else { return }
                    if isDoubted(after) {
                        after.marker.isHeld = removed != .holdIsLatched
                        return
                    }
                    if configuration.losses > 0 { after.marker.mark = max(after.marker.mark, after.redis.sequence) }
                    after.sweeper = Sweeper(store: objects.isEmpty ? 0 : store, taken: objects, undeleted: objects)
                }
            }
            return
        }
        for object in state.sweeper.undeleted {
            var after = state
            after.sweeper.undeleted.remove(object)
            after.objects[object] = nil
            after.unfinished.remove(object)
            after.told.strays.remove(object)
            steps.append((.sweeperDeletes(object: object), after))
        }
        if state.sweeper.undeleted.isEmpty {
            perform(
                .garbageDone(store: state.sweeper.store, objects: state.sweeper.taken), by: .sweeper, state, &steps,
                mayDelay: false
            ) { after, _ in after.sweeper = Sweeper() }
        }
        var after = state
        after.sweeper = Sweeper()
        steps.append((.sweeperForgets, after))
    }
}
