/// `image-update.lua`, `image-delete.lua`, `location-delete.lua`, `image-switch.lua`, `garbage-name.lua`,
/// `garbage-take.lua`, `garbage-done.lua`.
extension ScriptModel {
    /// A PATCH of the formats, computed on the newest revision.
    func imageUpdate(_ redis: inout Redis, _ image: Int, _ format: Int) -> Reply {
        let status = redis.images[image].status
        if status == .deleted { return .noImage }
        if status != .queued && status != .importing { return .wrongStatus(status) }
        redis.images[image].format = format
        return .updated
    }

    func imageDelete(_ redis: inout Redis, _ index: Int) -> Reply {
        let image = redis.images[index]
        if image.status == .deleted { return .noImage }
        if let holder = image.lock, redis.tasks[holder].isLive {
            finish(&redis, holder, .failure, .imageDeleted, restoring: false)
        }
        for object in image.locations.compactMap(\.self) { nameGarbage(&redis, object) }
        if let staged = image.stage { nameGarbage(&redis, staged) }
        redis.images[index] = Image(locations: Array(repeating: nil, count: configuration.stores))
        redis.images[index].status = .deleted
        return .deleted
    }

    func locationDelete(_ redis: inout Redis, _ index: Int, _ store: Int) -> Reply {
        let image = redis.images[index]
        if image.status == .deleted { return .noImage }
        if image.status != .active { return .wrongStatus(image.status) }
        if removed != .locationDeleteWaits, let holder = image.lock, redis.tasks[holder].isLive {
            return .locked(by: holder)
        }
        guard let object = image.locations[store] else { return .noLocation }
        if image.locations.compactMap(\.self).count == 1 { return .lastLocation }
        redis.images[index].locations[store] = nil
        nameGarbage(&redis, object)
        return .deleted
    }

    func imageSwitch(_ redis: inout Redis, _ image: Int, _ isActive: Bool) -> Reply {
        let status = redis.images[image].status
        if status == .deleted { return .noImage }
        if status != .active && status != .deactivated { return .wrongStatus(status) }
        redis.images[image].status = isActive ? .active : .deactivated
        return .switched
    }

    func garbageName(_ redis: inout Redis, _ objects: Bits) -> Reply {
        let named = objects.filter { !isNamed(redis, $0) }
        for object in named { nameGarbage(&redis, object) }
        return .named(named.count)
    }

    func garbageTake(_ redis: inout Redis, _ store: Int) -> Reply {
        var taken = Bits()
        for object in redis.garbage.intersection(redis.ripe).intersection(configuration.objects(in: store)) {
            if isNamed(redis, object) {
                redis.garbage.remove(object)
                redis.ripe.remove(object)
            } else {
                taken.insert(object)
                redis.renewed.remove(object)
            }
        }
        if removed == .takenStaysGarbage {
            redis.garbage = redis.garbage.subtracting(taken)
            redis.ripe = redis.ripe.subtracting(taken)
        }
        return .taken(taken)
    }

    func garbageDone(_ redis: inout Redis, _ store: Int, _ objects: Bits) -> Reply {
        let same = removed == .doneComparesScore ? objects : objects.subtracting(redis.renewed)
        let removed = same.intersection(redis.garbage)
        redis.garbage = redis.garbage.subtracting(removed)
        redis.ripe = redis.ripe.subtracting(removed)
        return .done(removed.reduce(0) { count, _ in count + 1 })
    }
}
