/// What workers do, and the processes of the API that carry out uploads. After `ImportWorker`: `ClaimLoop`,
/// `AttemptRunner`, `LeaseKeeper`, `Settlement`, `UploadAttempt`.
extension Model {
    func workerSteps(_ state: State, _ steps: inout [Step]) {
        for index in state.workers.indices {
            switch state.workers[index].phase {
            case .idle where isClaimer(index) && state.workers[..<index].contains { $0.phase == .idle }:
                // Idle workers are all the same: the first one claims.
                continue
            case .idle: ask(state, index, &steps)
            case .asking(let call): ask(state, index, repeating: call, &steps)
            case .running: run(state, index, &steps)
            case .settling(let call): settle(call, state, index, &steps)
            case .naming: name(state, index, &steps)
            case .finished, .dead: continue
            }
            crash(state, index, &steps)
        }
    }

    private func isClaimer(_ index: Int) -> Bool { index < configuration.workers }

    /// Claims with a nonce of its own, or opens the upload that this process is there for.
    private func ask(_ state: State, _ index: Int, repeating: Call? = nil, _ steps: inout [Step]) {
        let call: Call
        var before = state
        if let repeating {
            call = repeating
        } else {
            guard state.minted < configuration.nonces else { return }
            if removed == .waitingIsLookedFor, isClaimer(index) {
                guard state.redis.tokens > 0 else { return }
                before.redis.tokens -= 1
            }
            call =
                isClaimer(index)
                ? .importClaim(nonce: state.minted, worker: index)
                : .uploadOpen(
                    task: configuration.uploads[index - configuration.workers], nonce: state.minted, worker: index)
        }
        let isNew = repeating == nil
        if isNew { before.minted += 1 }
        perform(call, by: .worker(index), before, &steps) { after, reply in
            switch reply {
            case .task(let claimed):
                after.workers[index] = Worker(
                    phase: .running, task: claimed.task, nonce: claimed.nonce, stage: claimed.stage,
                    format: claimed.format, beat: claimed.beat)
            case .opened:
                guard case .uploadOpen(let task, let nonce, _) = call else { return }
                after.workers[index] = Worker(
                    phase: .running, task: task, nonce: nonce,
                    format: after.redis.images[configuration.tasks[task].image].format, beat: 1)
                after.told.created.insert(task)
            default:
                // Nothing to do, or refused: the nonce was never written down, and the next one is as good.
                if isNew { after.minted -= 1 }
                after.workers[index].phase = .idle
            }
        } inDoubt: { after in
            after.workers[index].phase = .asking(call)
        }
    }

    private func run(_ state: State, _ index: Int, _ steps: inout [Step]) {
        let worker = state.workers[index]
        let request = configuration.tasks[worker.task]
        let targets = self.targets(worker)
        for store in targets.subtracting(worker.written).subtracting(worker.failed) {
            let write = write(worker, store)
            var after = state
            complete(write, in: &after)
            after.workers[index].written.insert(store)
            steps.append((.write(worker: index, object: write.object), after))
            guard configuration.failingStores.contains(store) else { continue }
            after = state
            after.workers[index].failed.insert(store)
            steps.append((.storeFails(worker: index, store: store), after))
            // A store may carry out what it seemed to have refused.
            after.writes.append(write)
            steps.append((.storeFails(worker: index, store: store), after))
        }
        beat(state, index, &steps)
        if let publish = publish(worker, state) {
            let call: Call =
                removed == .publishIsOneScript
                ? .part(.publishCheck(task: worker.task, nonce: worker.nonce)) : .importPublish(publish)
            settle(call, state, index, &steps)
        }
        // An upload that failed is never tried again, whatever the reason.
        for how in request.isImport ? configuration.failures : [.retryNow] {
            settle(.importFail(task: worker.task, nonce: worker.nonce, how: how), state, index, &steps)
        }
        if configuration.releases, request.isImport {
            settle(.importRelease(task: worker.task, nonce: worker.nonce), state, index, &steps)
        }
    }

    private func write(_ worker: Worker, _ store: Int) -> Write {
        Write(
            object: scripts.object(of: worker.task, nonce: worker.nonce, in: store), content: content(worker))
    }

    /// Where the attempt writes: staged data stays where it is, and is copied to other stores.
    private func targets(_ worker: Worker) -> Bits {
        var targets = configuration.tasks[worker.task].stores
        if configuration.tasks[worker.task].method == .direct, let stage = worker.stage {
            targets.remove(configuration.store(of: stage))
        }
        return targets
    }

    /// Whose bytes the attempt writes.
    private func content(_ worker: Worker) -> Int {
        guard configuration.tasks[worker.task].method == .direct, let stage = worker.stage else { return worker.nonce }
        return configuration.nonce(of: stage)
    }

    /// The publish, once everything that has to be is written.
    private func publish(_ worker: Worker, _ state: State) -> Publish? {
        let request = configuration.tasks[worker.task]
        let targets = self.targets(worker)
        guard targets.subtracting(worker.written).subtracting(worker.failed).isEmpty else { return nil }
        guard worker.failed.isEmpty || !request.mustAll else { return nil }
        var objects = Bits(worker.written.map { scripts.object(of: worker.task, nonce: worker.nonce, in: $0) })
        if request.method == .direct {
            // Without staged data, or with staged data that is gone, the attempt can only be given up.
            guard let stage = worker.stage, state.objects[stage] != nil else { return nil }
            if request.stores.contains(configuration.store(of: stage)) { objects.insert(stage) }
        }
        guard !objects.isEmpty else { return nil }
        let converts = configuration.converts && request.isImport && worker.format == 0
        return Publish(
            task: worker.task, nonce: worker.nonce, objects: objects, digest: content(worker),
            format: request.method == .stage ? 0 : worker.format, failed: worker.failed, converted: converts ? 1 : nil)
    }

    /// Whether all is written that can be, and it is not enough.
    func isAtItsEnd(_ worker: Worker, _ state: State) -> Bool {
        worker.phase == .running && targets(worker).subtracting(worker.written).subtracting(worker.failed).isEmpty
            && publish(worker, state) == nil
    }

    private func beat(_ state: State, _ index: Int, _ steps: inout [Step]) {
        let worker = state.workers[index]
        if worker.saves {
            perform(
                .part(.beatSave(task: worker.task, nonce: worker.nonce, number: worker.beat)), by: .worker(index),
                state, &steps, mayDelay: false
            ) { after, _ in after.workers[index].saves = false }
            return
        }
        guard state.budget.beats > 0 else { return }
        var before = state
        before.budget.beats -= 1
        before.workers[index].beat += 1
        let splits = removed == .beatNeverWritesState
        let call: Call =
            splits
            ? .part(.beatRead(task: worker.task, nonce: worker.nonce))
            : .importBeat(task: worker.task, nonce: worker.nonce, number: worker.beat + 1)
        // A beat that is not answered is not repeated; the next one has a number of its own.
        perform(call, by: .worker(index), before, &steps) { after, reply in
            if case .lost = reply { after.workers[index].phase = .naming } else { after.workers[index].saves = splits }
        }
    }

    /// Ends the attempt by a call that is repeated until it is answered.
    private func settle(_ call: Call, _ state: State, _ index: Int, _ steps: inout [Step]) {
        let worker = state.workers[index]
        perform(call, by: .worker(index), state, &steps) { after, reply in
            switch reply {
            case .published:
                after.told.published.insert(worker.nonce)
                rest(&after, index)
            case .ok:
                guard let publish = publish(worker, state) else { return }
                after.workers[index].phase = .settling(.part(.publishWrite(publish)))
            case .changed:
                after.workers[index].phase = .settling(
                    .importFail(task: worker.task, nonce: worker.nonce, how: .retryNow))
            case .lost, .gone:
                after.workers[index].phase = .naming
            default:
                rest(&after, index)
            }
        } inDoubt: { after in
            after.workers[index].phase = .settling(call)
        }
    }

    private func rest(_ state: inout State, _ index: Int) {
        state.workers[index].phase = isClaimer(index) ? .idle : .finished
        // Who has ended an attempt looks at the queue of its own accord.
        if removed == .waitingIsLookedFor { state.redis.tokens += 1 }
    }

    /// Names what the attempt may have written.
    private func name(_ state: State, _ index: Int, _ steps: inout [Step]) {
        let worker = state.workers[index]
        let own = Bits(
            configuration.tasks[worker.task].stores.map {
                scripts.object(of: worker.task, nonce: worker.nonce, in: $0)
            })
        switch removed {
        case .onlySweeperDeletes:
            var after = state
            for object in own { after.objects[object] = nil }
            rest(&after, index)
            steps.append((.workerDeletes(worker: index), after))
        case .loserNamesGarbage:
            var after = state
            rest(&after, index)
            steps.append((.call(.worker(index), .garbageName(objects: []), .answered(.named(0))), after))
        default:
            perform(.garbageName(objects: own), by: .worker(index), state, &steps, mayDelay: false) { after, _ in
                rest(&after, index)
            }
        }
    }

    /// What it was writing may still land, any time later.
    private func crash(_ state: State, _ index: Int, _ steps: inout [Step]) {
        let worker = state.workers[index]
        guard state.budget.crashes > 0, worker.phase != .idle else { return }
        var after = state
        after.budget.crashes -= 1
        after.workers[index].phase = .dead
        if worker.hasAttempt, scripts.lost(state.redis, worker.task, worker.nonce) != nil {
            // A loser that dies before it has named what it wrote after its end.
            for store in configuration.tasks[worker.task].stores {
                let object = scripts.object(of: worker.task, nonce: worker.nonce, in: store)
                if state.objects[object] != nil { after.told.strays.insert(object) }
            }
        }
        steps.append((.crash(worker: index), after))
        guard worker.phase == .running else { return }
        for store in targets(worker).subtracting(worker.written).subtracting(worker.failed) {
            var writing = after
            writing.writes.append(write(worker, store))
            steps.append((.crash(worker: index), writing))
        }
    }
}
