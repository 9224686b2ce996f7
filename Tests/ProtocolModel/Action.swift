/// One step of the world, as it is printed in a trace.
package enum Action: Hashable, Sendable {
    /// A process calls a script.
    case call(Actor, Call, Delivery)
    /// A request that was on its way all the time arrives.
    case late(Call, Reply)
    /// A process writes an object to its end.
    case write(worker: Int, object: Int)
    /// Writing fails, or the process dies; what was being written may still land.
    case storeFails(worker: Int, store: Int)
    case crash(worker: Int)
    case land(object: Int)
    /// Time passes for one thing.
    case passes(Passing)
    /// Redis is started anew and has lost nothing.
    case restart
    /// The replica falls behind from here on; Redis fails over to it.
    case lag
    case failover
    /// Somebody makes a copy of Redis; empties Redis; puts it back to the copy, with the fleet stopped.
    case backup
    case emptied
    case restored
    case sweeperDeletes(object: Int)
    case sweeperForgets
    /// Of what is on its way, and of a replica that fell behind: where it ends when nothing else goes wrong.
    case isLost(Call)
    case neverLands(object: Int)
    case catchesUp
    /// Only where that rule is removed.
    case workerDeletes(worker: Int)
}

package enum Actor: Hashable, Sendable {
    case worker(Int)
    case api, administrator, recoverer, sweeper, auditor
}

package enum Delivery: Hashable, Sendable {
    case answered(Reply)
    /// Carried out, but the answer does not come: it is not durable yet.
    case unconfirmed(Reply)
    /// The caller waits in vain and will ask again; the request is still on its way.
    case delayed
}

package enum Passing: Hashable, Sendable {
    /// A task's last beat, or its waiting, becomes old.
    case silence(task: Int)
    /// A delayed attempt is due.
    case due(task: Int)
    case deadline(task: Int)
    /// Garbage becomes older than lease and grace.
    case grace(object: Int)
}

extension Passing {
    /// Mirrors what the environment does to Redis.
    package func apply(to redis: inout Redis) {
        switch self {
        case .silence(let task): redis.tasks[task].isOld = true
        case .due(let task): redis.due.insert(task)
        case .deadline(let task): redis.tasks[task].isOverdue = true
        case .grace(let object): redis.ripe.insert(object)
        }
    }
}

extension Action {
    /// Whether Redis is another one afterwards, so that what was true of it may not be.
    var replacesRedis: Bool { [.failover, .emptied, .restored].contains(self) }
}

extension Action: CustomStringConvertible {
    package var description: String {
        switch self {
        case .call(let actor, let call, let delivery): "\(actor): \(call) \(delivery)"
        case .late(let call, let reply): "late: \(call) → \(reply), heard by nobody"
        case .write(let worker, let object): "worker \(worker): writes object \(object)"
        case .land(let object): "the write of object \(object) lands, late"
        case .storeFails(let worker, let store): "worker \(worker): cannot write to store \(store)"
        case .crash(let worker): "worker \(worker) dies"
        case .passes(let passing): "time passes: \(passing)"
        case .restart: "Redis restarts"
        case .lag: "the replica falls behind"
        case .failover: "failover to the replica"
        case .backup: "somebody makes a copy of Redis"
        case .emptied: "Redis is emptied, and gets a new catalog"
        case .restored: "Redis is put back to the copy"
        case .sweeperDeletes(let object): "sweeper: deletes object \(object)"
        case .sweeperForgets: "sweeper: dies"
        case .isLost(let call): "\(call) is lost"
        case .neverLands(let object): "the write of object \(object) never lands"
        case .catchesUp: "the replica catches up"
        case .workerDeletes(let worker): "worker \(worker): deletes its objects"
        }
    }
}

extension Actor: CustomStringConvertible {
    package var description: String {
        switch self {
        case .worker(let number): "worker \(number)"
        case .api: "api"
        case .administrator: "administrator"
        case .recoverer: "recoverer"
        case .sweeper: "sweeper"
        case .auditor: "auditor"
        }
    }
}

extension Delivery: CustomStringConvertible {
    package var description: String {
        switch self {
        case .answered(let reply): "→ \(reply)"
        case .unconfirmed(let reply): "→ \(reply), not durable yet, so not told"
        case .delayed: "is delayed"
        }
    }
}
