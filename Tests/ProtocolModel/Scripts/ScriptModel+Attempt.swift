/// `import-beat.lua`, `import-checkpoint.lua`, `checkpoint-forget.lua`, `import-publish.lua`, `import-locate.lua`,
/// `import-fail.lua`, `import-release.lua`.
extension ScriptModel {
    func importBeat(_ redis: inout Redis, _ id: Int, _ nonce: Int, _ number: Int) -> Reply {
        if let lost = lost(redis, id, nonce) { return .lost(lost) }
        if number <= redis.tasks[id].beat { return .ok }
        redis.tasks[id].beat = number
        redis.tasks[id].isOld = false
        redis.tasks[id].suspect = nil
        return .ok
    }

    /// Without objects: it is forgotten.
    func importCheckpoint(_ redis: inout Redis, _ id: Int, _ nonce: Int, _ objects: Bits) -> Reply {
        if let lost = lost(redis, id, nonce) { return .lost(lost) }
        let before = redis.tasks[id].kept
        let own = Bits(request(id).stores.map { object(of: id, nonce: nonce, in: $0) })
        guard request(id).isImport, objects.subtracting(before).subtracting(own).isEmpty else { return .refused }
        redis.tasks[id].kept = objects
        letGo(&redis, before)
        return .kept
    }

    func importPublish(_ redis: inout Redis, _ publish: Publish) -> Reply {
        let id = publish.task
        if let lost = lost(redis, id, publish.nonce) {
            let task = redis.tasks[id]
            return task.state == .success && task.nonce == publish.nonce ? .published : .lost(lost)
        }
        let image = redis.images[request(id).image]
        if image.status == .deleted { return .gone }
        if isCopy(id) {
            let missing = missingStores(redis, id)
            let isEnough = missing.isEmpty || (!request(id).mustAll && missing != request(id).stores)
            guard isEnough || removed == .publishAsksForLocations else { return .changed }
            finish(&redis, id, .success, .success)
            return .published
        }
        for object in publish.objects {
            let own = self.object(of: id, nonce: publish.nonce, in: configuration.store(of: object))
            let isAdopted = request(id).isImport && image.stage == object
            if object != own && !isAdopted && !redis.tasks[id].kept.contains(object) { return .changed }
        }
        if publish.objects.isEmpty { return .refused }
        if image.status != statusDuring(id) { return .changed }
        if request(id).method != .stage && image.format != publish.format { return .changed }
        writePublish(&redis, publish)
        return .published
    }

    /// The writes of a publish, behind its checks.
    func writePublish(_ redis: inout Redis, _ publish: Publish) {
        let id = publish.task
        let index = request(id).image
        let staged = redis.images[index].stage
        if request(id).method == .stage {
            redis.images[index].stage = publish.objects.first { _ in true }
        } else {
            redis.images[index].status = .active
            redis.images[index].digest = publish.digest
            if let converted = publish.converted { redis.images[index].format = converted }
            for object in publish.objects { redis.images[index].locations[configuration.store(of: object)] = object }
            redis.images[index].stage = nil
        }
        for store in request(id).stores.union(publish.failed) {
            let own = object(of: id, nonce: publish.nonce, in: store)
            if !publish.objects.contains(own) { nameGarbage(&redis, own) }
        }
        if let staged, !publish.objects.contains(staged) { nameGarbage(&redis, staged) }
        finish(&redis, id, .success, .success)
        // So that who has lost a publish is behind the stores' marks. To all others only the order of numbers matters.
        if configuration.losses > 0, removed != .publishCounts { redis.sequence += 1 }
    }

    func importLocate(_ redis: inout Redis, _ locate: Locate) -> Reply {
        let id = locate.task
        if let lost = lost(redis, id, locate.nonce) { return .lost(lost) }
        let image = redis.images[request(id).image]
        if image.status == .deleted { return .gone }
        guard isCopy(id), request(id).stores.contains(locate.store) else { return .refused }
        if redis.tasks[id].located.contains(locate.store) { return .located }
        guard image.isPublished, image.digest == locate.digest, image.locations[locate.store] == nil else {
            return .changed
        }
        redis.tasks[id].located.insert(locate.store)
        redis.images[request(id).image].locations[locate.store] = object(
            of: id, nonce: locate.nonce, in: locate.store)
        if configuration.losses > 0, removed != .publishCounts { redis.sequence += 1 }
        return .located
    }

    func importFail(_ redis: inout Redis, _ id: Int, _ nonce: Int, _ how: Failure) -> Reply {
        if let lost = lost(redis, id, nonce) {
            guard redis.tasks[id].nonce == nonce else { return .lost(lost) }
            switch redis.tasks[id].settled {
            case .requeued: return .requeued
            case .ended: return .ended
            case .released, nil: return .lost(lost)
            }
        }
        let image = request(id).image
        var settled = Settled.ended
        switch how {
        case .reject:
            if let staged = redis.images[image].stage, request(id).isImport {
                redis.images[image].stage = nil
                nameGarbage(&redis, staged)
            }
            finish(&redis, id, .failure, .rejected)
        case .workerFault where request(id).isImport:
            requeue(&redis, id, isDelayed: true, spent: max(0, redis.tasks[id].spent - 1))
            settled = .requeued
        case .retryNow: settled = retry(&redis, id, isDelayed: false)
        case .retryLater, .workerFault: settled = retry(&redis, id, isDelayed: true)
        }
        redis.tasks[id].settled = settled
        return settled == .requeued ? .requeued : .ended
    }

    func importRelease(_ redis: inout Redis, _ id: Int, _ nonce: Int) -> Reply {
        if let lost = lost(redis, id, nonce) {
            let task = redis.tasks[id]
            return task.nonce == nonce && task.settled == .released ? .released : .lost(lost)
        }
        if request(id).isImport {
            requeue(&redis, id, isDelayed: false, spent: max(0, redis.tasks[id].spent - 1))
        } else {
            finish(&redis, id, .failure, .interrupted)
        }
        redis.tasks[id].settled = .released
        return .released
    }
}
