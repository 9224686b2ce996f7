/// Scripts taken apart, for the removal of the rules that say they are one.
extension ScriptModel {
    func run(_ part: Part, on redis: inout Redis) -> Reply {
        switch part {
        case .createLock(let id):
            guard case .free = examineLock(redis, for: id), redis.images[request(id).image].lock == nil else {
                return .locked(by: redis.images[request(id).image].lock ?? id)
            }
            redis.images[request(id).image].lock = id
            return .ok
        case .createTask(let id):
            redis.tasks[id].state = .pending
            redis.tasks[id].prior = redis.images[request(id).image].status
            redis.images[request(id).image].status = .importing
            return .ok
        case .createQueue(let id):
            redis.sequence += 1
            redis.tasks[id].place = redis.sequence
            redis.live.insert(id)
            enqueue(&redis, id)
            return .created(prior: redis.tasks[id].prior, stolen: nil)
        case .beatRead(let id, let nonce):
            return lost(redis, id, nonce).map { .lost($0) } ?? .ok
        case .beatSave(let id, let nonce, let number):
            redis.tasks[id].state = .processing
            redis.tasks[id].nonce = nonce
            redis.tasks[id].beat = number
            redis.tasks[id].isOld = false
            redis.tasks[id].suspect = nil
            redis.leases.insert(id)
            return .ok
        case .publishCheck(let id, let nonce):
            return lost(redis, id, nonce).map { .lost($0) } ?? .ok
        case .publishWrite(let publish):
            writePublish(&redis, publish)
            return .published
        }
    }
}
