import HTTPTypes
import Hummingbird
import ImageCatalog
import ImageStorage
import ImportModel
import LeaseStore
import Logging

/// What supervisors and Prometheus ask.
struct HealthController: Sendable {
    let store: LeaseStore
    let shelf: StoreShelf
    let drain: DrainState
    let health = StoreHealth()
    let renderProcessMetrics: @Sendable () -> String

    func add(to routes: inout RouteTable) {
        routes.get("/healthz") { _, _ in .text("ok\n") }
        routes.get("/readyz") { _, context in
            let (isReady, problems) = await readiness(context.logger)
            let lines = (isReady ? ["ready"] : []) + problems
            return .text(lines.map { $0 + "\n" }.joined(), status: isReady ? .ok : .serviceUnavailable)
        }
        routes.get("/metrics") { _, context in
            guard context.caller.may(.fleetGetMetrics) else {
                throw context.caller.refusal(.fleetGetMetrics, to: "read the metrics")
            }
            return .text(await metrics(context.logger), type: "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    /// Whether the service can do its work, and what is wrong; the reasons go to the log, since anybody may ask.
    ///
    /// Only the default store is asked of it: without another one the catalog and all other stores are still served, and
    /// a store that is down is down for every process.
    private func readiness(_ logger: Logger) async -> (isReady: Bool, problems: [String]) {
        if drain.isDraining { return (false, ["the service is stopping"]) }
        var isReady = true
        var problems: [String] = []
        do {
            try await store.ping()
        } catch {
            logger.warning("not ready", metadata: ["cause": "\(error)"])
            problems.append("Redis does not answer")
            isReady = false
        }
        for (id, problem) in await storeProblems() {
            logger.warning("a store cannot be used", metadata: ["store": "\(id)", "cause": "\(problem)"])
            problems.append("store '\(id)' cannot be used")
            if id == shelf.defaultStore { isReady = false }
        }
        return (isReady, problems)
    }

    /// Asks all stores at once; in the operator's order.
    private func storeProblems() async -> [(StoreID, String)] {
        let found = await withTaskGroup(of: (StoreID, String?).self) { group in
            for store in shelf.stores { group.addTask { (store.id, await health.problem(of: store.storage)) } }
            var found: [StoreID: String] = [:]
            for await (id, problem) in group { found[id] = problem }
            return found
        }
        return shelf.ids.compactMap { id in found[id].map { (id, $0) } }
    }

    /// Without Redis the figures of this process are still told.
    private func metrics(_ logger: Logger) async -> String {
        let own = renderProcessMetrics()
        do {
            let stats = try await store.queueStats()
            let fleet = FleetMetrics(
                queue: stats.queue, garbage: stats.garbage, counters: try await store.counters())
            return fleet.render() + own
        } catch {
            logger.warning("metrics without the fleet's", metadata: ["cause": "\(error)"])
            return "# The figures of the fleet are missing: Redis does not answer.\n" + own
        }
    }
}
