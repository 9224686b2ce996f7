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
                    format: claimed.format, handed: claimed.kept, beat: claimed.beat)
                if scripts.isCopy(claimed.task) {
                    after.workers[index].digest = claimed.digest
                    after.workers[index].located = claimed.located
                }
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
            guard !isSpoiled(write, worker, state) else { continue }
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
        if scripts.isCopy(worker.task) { locate(state, index, &steps) }
        beat(state, index, &steps)
        resume(state, index, &steps)
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

    /// Adds what is written to the image; repeated until it is answered.
    private func locate(_ state: State, _ index: Int, _ steps: inout [Step]) {
        let worker = state.workers[index]
        for store in worker.written.subtracting(worker.located) {
            let locate = Locate(task: worker.task, nonce: worker.nonce, store: store, digest: content(worker))
            perform(.importLocate(locate), by: .worker(index), state, &steps) { after, reply in
                switch reply {
                case .located: after.workers[index].located.insert(store)
                case .changed:
                    after.workers[index].phase = .settling(
                        .importFail(task: worker.task, nonce: worker.nonce, how: .retryNow))
                default: after.workers[index].phase = .naming
                }
            }
        }
    }

    private func write(_ worker: Worker, _ store: Int) -> Write {
        Write(object: object(worker, store), content: content(worker))
    }

    /// What it writes in a store: where that can go on, what was handed over to it.
    private func object(_ worker: Worker, _ store: Int) -> Int {
        let handed = configuration.uploadStores.contains(store) ? worker.handed : []
        return handed.intersection(configuration.objects(in: store)).first { _ in true }
            ?? scripts.object(of: worker.task, nonce: worker.nonce, in: store)
    }

    /// Whether the store tells that the upload is gone, or was completed by somebody else, who had it before or after.
    private func isSpoiled(_ write: Write, _ worker: Worker, _ state: State) -> Bool {
        guard configuration.checkpoints > 0, removed != .uploadIsCompared else { return false }
        if let content = state.objects[write.object] { return content != write.content }
        return worker.handed.contains(write.object) && !state.unfinished.contains(write.object)
    }

    private func isSpoiled(_ worker: Worker, _ state: State) -> Bool {
        targets(worker).subtracting(worker.written).subtracting(worker.failed)
            .contains { isSpoiled(write(worker, $0), worker, state) }
    }

    /// Keeps what another attempt needs; or forgets what was handed over, and begins anew.
    private func resume(_ state: State, _ index: Int, _ steps: inout [Step]) {
        let worker = state.workers[index]
        let hasBegun = !worker.written.isEmpty || !worker.failed.isEmpty
        let forgetting = Call.importCheckpoint(task: worker.task, nonce: worker.nonce, objects: [])
        if hasBegun {
            // Some store has whole what only begins with the upload: nothing is spent, and another attempt begins anew.
            if isSpoiled(worker, state) { settle(forgetting, state, index, &steps) }
            return
        }
        // The source may have changed, too.
        if !worker.handed.isEmpty || isSpoiled(worker, state) {
            perform(forgetting, by: .worker(index), state, &steps) { after, reply in
                if reply == .kept { after.workers[index].handed = [] } else { after.workers[index].phase = .naming }
            }
        }
        guard state.budget.checkpoints > 0, configuration.tasks[worker.task].method == .download else { return }
        var before = state
        before.budget.checkpoints -= 1
        let objects = Bits(targets(worker).map { object(worker, $0) })
        for object in objects where state.objects[object] == nil { before.unfinished.insert(object) }
        perform(
            .importCheckpoint(task: worker.task, nonce: worker.nonce, objects: objects), by: .worker(index), before,
            &steps
        ) { after, reply in
            // What was copied is not needed any more.
            after.workers[index].handed = worker.handed.intersection(objects)
            if reply != .kept { after.workers[index].phase = .naming }
        }
    }

    /// Whether an attempt has to begin anew.
    func hasToForget(_ index: Int, _ state: State) -> Bool {
        state.workers[index].phase == .running && isSpoiled(state.workers[index], state)
    }

    /// Where the attempt writes: staged data stays where it is, and is copied to other stores; what earlier attempts
    /// have copied stays, too.
    private func targets(_ worker: Worker) -> Bits {
        var targets = configuration.tasks[worker.task].stores
        if configuration.tasks[worker.task].method == .direct, let stage = worker.stage {
            targets.remove(configuration.store(of: stage))
        }
        if scripts.isCopy(worker.task) { targets = targets.subtracting(worker.located.subtracting(worker.written)) }
        return targets
    }

    /// Whose bytes the attempt writes.
    private func content(_ worker: Worker) -> Int {
        if let digest = worker.digest { return digest }
        guard configuration.tasks[worker.task].method == .direct, let stage = worker.stage else { return worker.nonce }
        return configuration.nonce(of: stage)
    }

    /// The publish, once everything that has to be is written.
    private func publish(_ worker: Worker, _ state: State) -> Publish? {
        let request = configuration.tasks[worker.task]
        let targets = self.targets(worker)
        guard targets.subtracting(worker.written).subtracting(worker.failed).isEmpty else { return nil }
        guard worker.failed.isEmpty || !request.mustAll else { return nil }
        if request.method == .copy {
            guard !worker.located.isEmpty, worker.written.subtracting(worker.located).isEmpty else { return nil }
            return Publish(
                task: worker.task, nonce: worker.nonce, objects: [], digest: content(worker), format: worker.format,
                failed: worker.failed)
        }
        var objects = Bits(worker.written.map { object(worker, $0) })
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
            && (!scripts.isCopy(worker.task) || worker.written.subtracting(worker.located).isEmpty)
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
            case .kept:
                after.workers[index].phase = .settling(
                    .importFail(task: worker.task, nonce: worker.nonce, how: .workerFault))
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
        let own = mayHaveWritten(worker)
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

    private func mayHaveWritten(_ worker: Worker) -> Bits {
        let stores = configuration.tasks[worker.task].stores
        return Bits(stores.map { scripts.object(of: worker.task, nonce: worker.nonce, in: $0) })
            .union(worker.handed)
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
            for object in mayHaveWritten(worker) where state.objects[object] != nil {
                after.told.strays.insert(object)
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
