/// `import-create.lua`, `upload-open.lua`, `import-claim.lua`.
extension ScriptModel {
    func importCreate(_ redis: inout Redis, _ id: Int) -> Reply {
        let before = redis.tasks[id]
        if before.state != .absent { return .created(prior: before.prior, stolen: before.stole) }
        switch examineLock(redis, for: id) {
        case .refused(let reply): return reply
        case .free(let status, let loser):
            let image = redis.images[request(id).image]
            if isCopy(id), let store = request(id).stores.first(where: { image.locations[$0] != nil }) {
                return .stored(store)
            }
            takeLock(&redis, id, loser: loser)
            redis.sequence += 1
            redis.tasks[id].state = .pending
            redis.tasks[id].prior = status
            redis.tasks[id].place = redis.sequence
            redis.tasks[id].stole = loser
            if removed == .nonceMintedAtClaim { redis.tasks[id].nonce = id }
            redis.live.insert(id)
            enqueue(&redis, id)
            if !isCopy(id) { redis.images[request(id).image].status = .importing }
            return .created(prior: status, stolen: loser)
        }
    }

    func uploadOpen(_ redis: inout Redis, _ id: Int, _ nonce: Int, _ worker: Int) -> Reply {
        let before = redis.tasks[id]
        if before.state != .absent {
            return before.nonce == nonce ? .opened(prior: before.prior, stolen: before.stole) : .refused
        }
        if redis.claims[nonce] != nil || isGivenUp(redis, id, nonce) { return .refused }
        switch examineLock(redis, for: id) {
        case .refused(let reply): return reply
        case .free(let status, let loser):
            takeLock(&redis, id, loser: loser)
            redis.tasks[id].state = .processing
            redis.tasks[id].prior = status
            redis.tasks[id].stole = loser
            redis.tasks[id].attempt = 1
            redis.tasks[id].spent = 1
            redis.tasks[id].nonce = nonce
            redis.tasks[id].worker = worker
            redis.tasks[id].beat = 1
            redis.claims[nonce] = id
            redis.leases.insert(id)
            redis.live.insert(id)
            redis.images[request(id).image].status = statusDuring(id)
            return .opened(prior: status, stolen: loser)
        }
    }

    func importClaim(_ redis: inout Redis, _ nonce: Int, _ worker: Int) -> Reply {
        if let given = redis.claims[nonce] {
            let task = redis.tasks[given]
            let isGiven = task.nonce == nonce || removed == .nonceMintedAtClaim
            return task.state == .processing && isGiven ? claimed(redis, given, nonce) : .over
        }
        if redis.isPaused { return .paused }
        for id in removed == .claimPromotesDue ? [] : redis.delayed.intersection(redis.due) {
            redis.delayed.remove(id)
            redis.due.remove(id)
            if redis.tasks[id].state == .pending { enqueue(&redis, id) }
        }
        guard let id = firstToClaim(redis) else { return .empty }
        if isGivenUp(redis, id, nonce) { return .over }
        dequeue(&redis, id)
        let tenant = request(id).tenant
        for other in redis.ring.indices { redis.ring[other] = redis.ring[other].map { $0 - 1 } }
        if redis.ring[tenant] != nil { redis.ring[tenant] = 0 }
        if configuration.tenants == 1, redis.ring[0] != nil { redis.ring[0] = 0 }
        normaliseRing(&redis)
        redis.claims[nonce] = id
        redis.tasks[id].state = .processing
        if removed != .nonceMintedAtClaim { redis.tasks[id].nonce = nonce }
        redis.tasks[id].worker = worker
        redis.tasks[id].attempt += 1
        redis.tasks[id].spent += 1
        redis.tasks[id].beat += 1
        redis.tasks[id].isOld = false
        redis.tasks[id].suspect = nil
        redis.tasks[id].settled = nil
        redis.leases.insert(id)
        return claimed(redis, id, nonce)
    }

    private func firstToClaim(_ redis: Redis) -> Int? {
        // Equal scores stand in the order of the tenants' names.
        let tenants = redis.ring.indices.filter { redis.ring[$0] != nil }
            .sorted { (redis.ring[$0] ?? 0, $0) < (redis.ring[$1] ?? 0, $1) }
        for tenant in tenants {
            let suitable = redis.queued.filter { id in
                request(id).tenant == tenant && redis.tasks[id].state == .pending && !redis.tasks[id].isOverdue
                    && redis.images[request(id).image].lock == id
            }
            if let id = suitable.min(by: { redis.tasks[$0].place < redis.tasks[$1].place }) { return id }
        }
        return nil
    }

    private func claimed(_ redis: Redis, _ id: Int, _ nonce: Int) -> Reply {
        let image = redis.images[request(id).image]
        let authority = redis.tasks[id].nonce ?? nonce
        return .task(
            Claimed(
                task: id, nonce: authority, beat: redis.tasks[id].beat, stage: image.stage, format: image.format,
                kept: redis.tasks[id].kept, digest: image.digest, located: redis.tasks[id].located))
    }
}
