import NIOCore
import RedisClient
import Synchronization

/// What the connections of a proxy share.
final class ProxyState: Sendable {
    private struct State {
        var plan: FaultPlan
        var tally = FaultTally()
        var flow = Link.Flow()
        var upstream: RedisConfiguration.Endpoint
        var links: [ObjectIdentifier: NIOLoopBound<Link>] = [:]
        var requested: [String: Int] = [:]
        var answered: [String: Int] = [:]
        var hasStopped = false
    }

    let names = ScriptNames()
    let isOtherEdition: Bool
    private let state: Mutex<State>

    init(seed: UInt64, upstream: RedisConfiguration.Endpoint, isOtherEdition: Bool) {
        self.isOtherEdition = isOtherEdition
        state = Mutex(State(plan: FaultPlan(seed: seed), upstream: upstream))
    }

    var tally: FaultTally { state.withLock { $0.tally } }
    var upstream: RedisConfiguration.Endpoint { state.withLock { $0.upstream } }
    var connections: Int { state.withLock { $0.links.count } }
    func requested(_ command: String) { state.withLock { $0.requested[command, default: 0] += 1 } }
    func requests(of command: String) -> Int { state.withLock { $0.requested[command, default: 0] } }
    func answered(_ command: String) { state.withLock { $0.answered[command, default: 0] += 1 } }
    func answers(to command: String) -> Int { state.withLock { $0.answered[command, default: 0] } }

    func use(_ rules: [FaultRule]) { state.withLock { $0.plan.use(rules) } }

    /// Draws what happens to a command.
    func fault(for name: String, command: String) -> WireFault? {
        state.withLock { $0.plan.fault(for: name, command: command) }
    }

    /// It is done.
    func count(_ fault: WireFault, of command: String) { state.withLock { $0.tally.add(fault.name, of: command) } }

    /// Takes a new connection in; returns false when the proxy has stopped. To be called on the link's event loop.
    func add(_ link: Link, on eventLoop: any EventLoop) -> Bool {
        let bound = NIOLoopBound(link, eventLoop: eventLoop)
        let flow = state.withLock { state -> Link.Flow? in
            guard !state.hasStopped else { return nil }
            state.links[ObjectIdentifier(link)] = bound
            return state.flow
        }
        guard let flow else { return false }
        link.set(flow)
        return true
    }

    func remove(_ link: Link) {
        state.withLock { _ = $0.links.removeValue(forKey: ObjectIdentifier(link)) }
    }

    /// Returns once it holds for every connection.
    func set(_ flow: Link.Flow) async throws {
        let links = state.withLock { state in
            state.flow = flow
            return Array(state.links.values)
        }
        for link in links { try await link.eventLoop.submit { link.value.set(flow) }.get() }
    }

    /// New connections lead there; those that were there are closed.
    func point(at upstream: RedisConfiguration.Endpoint) async throws {
        state.withLock { $0.upstream = upstream }
        try await cutAll()
    }

    func cutAll() async throws {
        let links = state.withLock { Array($0.links.values) }
        for link in links { try await link.eventLoop.submit { link.value.end() }.get() }
    }

    func stop() async throws {
        state.withLock { $0.hasStopped = true }
        try await cutAll()
    }
}
