/// The kinds of faults that are counted.
package enum Fault: String, Codable, CaseIterable, Sendable {
    case kill, freeze, drain, proxy, source, store, race, hog
    case redisKill = "Redis killed"
    case powerLoss = "power lost"
    case failover, clock, memory
    case diskFull = "disk full"
    case poison
    /// Tasks that stand in the way of others.
    case crowd
}
