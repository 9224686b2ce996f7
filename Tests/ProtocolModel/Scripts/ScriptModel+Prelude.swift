/// What several scripts share, as in `prelude.lua`.
extension ScriptModel {
    func request(_ task: Int) -> Configuration.Request { configuration.tasks[task] }

    /// The object that an attempt writes in a store.
    func object(of task: Int, nonce: Int, in store: Int) -> Int {
        let keyNonce = removed == .keyContainsNonce ? 0 : nonce
        return configuration.object(image: request(task).image, store: store, nonce: keyNonce)
    }

    func isGivenUp(_ redis: Redis, _ task: Int, _ nonce: Int) -> Bool {
        // Without the rule, every attempt would share the objects of those before it.
        guard removed != .keyContainsNonce else { return false }
        return request(task).stores.contains { redis.garbage.contains(object(of: task, nonce: nonce, in: $0)) }
    }

    func nameGarbage(_ redis: inout Redis, _ object: Int) {
        redis.garbage.insert(object)
        redis.ripe.remove(object)
        redis.renewed.insert(object)
    }

    func enqueue(_ redis: inout Redis, _ task: Int) {
        redis.queued.insert(task)
        if removed == .waitingIsLookedFor { redis.tokens += 1 }
        let tenant = request(task).tenant
        if redis.ring[tenant] == nil { redis.ring[tenant] = 0 }
        normaliseRing(&redis)
    }

    func dequeue(_ redis: inout Redis, _ task: Int) {
        guard redis.queued.contains(task) else { return }
        redis.queued.remove(task)
        let tenant = request(task).tenant
        if !redis.queued.contains(where: { request($0).tenant == tenant }) { redis.ring[tenant] = nil }
        normaliseRing(&redis)
    }

    /// Only the order of the scores, and which equal the newest turn, is ever asked for.
    func normaliseRing(_ redis: inout Redis) {
        guard configuration.tenants > 1 else { return }
        let earlier = Set(redis.ring.compactMap(\.self).filter { $0 < 0 }).sorted(by: >)
        for (rank, score) in earlier.enumerated() {
            for tenant in redis.ring.indices where redis.ring[tenant] == score { redis.ring[tenant] = -1 - rank }
        }
    }

    func endAttempt(_ redis: inout Redis, _ task: Int, isPublished: Bool = false) {
        redis.leases.remove(task)
        guard !isPublished, let nonce = redis.tasks[task].nonce else { return }
        for store in request(task).stores {
            let own = object(of: task, nonce: nonce, in: store)
            let isKept = redis.tasks[task].kept.contains(own) && removed != .endKeepsCheckpoint
            let isLocated = redis.images[request(task).image].locations[store] == own
            if !isKept && !isLocated { nameGarbage(&redis, own) }
        }
    }

    /// Of what a checkpoint named, what nothing names any more is garbage.
    func letGo(_ redis: inout Redis, _ kept: Bits) {
        for object in kept where !isNamed(redis, object) { nameGarbage(&redis, object) }
    }

    func isCopy(_ task: Int) -> Bool { request(task).method == .copy }

    /// The stores of a task in which it has located no copy.
    func missingStores(_ redis: Redis, _ task: Int) -> Bits {
        request(task).stores.subtracting(redis.tasks[task].located)
    }

    func statusDuring(_ task: Int) -> ImageStatus {
        switch request(task).method {
        case .download, .direct: .importing
        case .upload: .saving
        case .stage: .uploading
        case .copy: .active
        }
    }

    func restoreImage(_ redis: inout Redis, _ task: Int) {
        let image = request(task).image
        guard redis.images[image].status == statusDuring(task) else { return }
        let prior = redis.tasks[task].prior
        redis.images[image].status = prior == .uploading && redis.images[image].stage == nil ? .queued : prior
    }

    func finish(
        _ redis: inout Redis, _ task: Int, _ state: TaskState, _ result: TaskResult, restoring: Bool = true
    ) {
        let image = request(task).image
        if redis.tasks[task].state == .processing {
            endAttempt(&redis, task, isPublished: state == .success && !isCopy(task))
        } else {
            dequeue(&redis, task)
            redis.delayed.remove(task)
        }
        redis.due.remove(task)
        redis.tasks[task].state = state
        redis.tasks[task].result = result
        redis.tasks[task].isOld = false
        redis.tasks[task].suspect = nil
        redis.live.remove(task)
        if redis.images[image].lock == task { redis.images[image].lock = nil }
        if state == .failure, restoring, !isCopy(task) { restoreImage(&redis, task) }
        let kept = redis.tasks[task].kept
        redis.tasks[task].kept = []
        letGo(&redis, kept)
    }

    func requeue(_ redis: inout Redis, _ task: Int, isDelayed: Bool, spent: Int) {
        endAttempt(&redis, task)
        redis.tasks[task].state = .pending
        redis.tasks[task].spent = spent
        redis.tasks[task].isOld = false
        redis.tasks[task].suspect = nil
        redis.tasks[task].worker = nil
        if isDelayed { redis.delayed.insert(task) } else { enqueue(&redis, task) }
    }

    func retry(_ redis: inout Redis, _ task: Int, isDelayed: Bool) -> Settled {
        guard request(task).isImport else {
            finish(&redis, task, .failure, .interrupted)
            return .ended
        }
        let spent = removed == .drainIsUnspent ? redis.tasks[task].attempt : redis.tasks[task].spent
        guard spent < configuration.maxAttempts else {
            finish(&redis, task, .failure, .attemptsSpent)
            return .ended
        }
        requeue(&redis, task, isDelayed: isDelayed, spent: redis.tasks[task].spent)
        return .requeued
    }

    /// Why this nonce is no authority over the task; nil where it is.
    func lost(_ redis: Redis, _ id: Int, _ nonce: Int) -> Lost? {
        let task = redis.tasks[id]
        switch task.state {
        case .absent: return .gone
        case .pending: return .recovered
        case .success, .failure: return task.result.map { .ended($0) } ?? .gone
        case .processing:
            if task.nonce != nonce { return .superseded }
            return redis.images[request(id).image].lock == id ? nil : .gone
        }
    }

    func isNamed(_ redis: Redis, _ object: Int) -> Bool {
        let image = redis.images[configuration.image(of: object)]
        if image.locations[configuration.store(of: object)] == object || image.stage == object { return true }
        guard let holder = image.lock else { return false }
        let task = redis.tasks[holder]
        if task.isLive, task.kept.contains(object), removed != .checkpointIsAsked { return true }
        guard task.state == .processing, let nonce = task.nonce,
            request(holder).stores.contains(configuration.store(of: object))
        else { return false }
        return self.object(of: holder, nonce: nonce, in: configuration.store(of: object)) == object
    }

    /// What taking an image's lock for a new task will mean.
    enum Examined {
        case refused(Reply)
        case free(status: ImageStatus, loser: Int?)
    }

    func examineLock(_ redis: Redis, for task: Int) -> Examined {
        let image = redis.images[request(task).image]
        if image.status == .deleted { return .refused(.noImage) }
        var status = image.status
        var loser: Int?
        if let holder = image.lock {
            let held = redis.tasks[holder]
            let exists = held.state != .absent
            if [.importing, .saving, .uploading].contains(status) {
                status = exists ? held.prior : (status == .uploading ? status : .queued)
            }
            if held.isLive {
                let isFree = held.isOld && (held.state == .pending || isSuspect(redis, held))
                if !isFree && !request(task).isForced { return .refused(.locked(by: holder)) }
                loser = holder
            }
        }
        if status == .uploading && image.stage == nil { status = .queued }
        let wanted: ImageStatus =
            switch request(task).method {
            case .direct: .uploading
            case .copy: .active
            case .download, .upload, .stage: .queued
            }
        return status == wanted ? .free(status: status, loser: loser) : .refused(.wrongStatus(status))
    }

    /// Whether somebody watched the attempt stay silent, under this run of the server.
    func isSuspect(_ redis: Redis, _ task: Task) -> Bool {
        guard let mark = task.suspect, mark.beat == task.beat else { return false }
        return mark.run == redis.run || removed == .suspicionNamesRun
    }

    func takeLock(_ redis: inout Redis, _ task: Int, loser: Int?) {
        if let loser { finish(&redis, loser, .failure, .stolen) }
        redis.images[request(task).image].lock = task
    }
}
