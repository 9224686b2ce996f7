import ImportModel
package import LeaseStore
package import Logging
import ServiceLifecycle

/// Finds attempts whose holders died and gives their tasks back. Every process of the fleet runs one; there is no
/// election, since every step is a script that only one of them can win.
package struct Recoverer: Service {
    /// How often the processes of this host are looked for; costs nothing in Redis.
    private static let lookInterval: Duration = .milliseconds(500)

    private let store: LeaseStore
    private let identity: ProcessIdentity
    private let onWorkWaiting: @Sendable () -> Void
    private let logger: Logger

    /// - Parameter onWorkWaiting: called when tasks wait to be claimed; where this process is a worker it should look,
    ///   since the token that was to wake somebody may have gone to one that is frozen.
    package init(
        store: LeaseStore, identity: ProcessIdentity, logger: Logger, onWorkWaiting: @escaping @Sendable () -> Void = {}
    ) {
        self.store = store
        self.identity = identity
        self.onWorkWaiting = onWorkWaiting
        self.logger = logger
    }

    package func run() async throws {
        // Ends with the graceful shutdown; errors are logged below, so nothing else leaves the loop.
        try? await cancelWhenGracefulShutdown {
            var watched = WatchList()
            var neighbours = Neighbours(of: identity)
            var nextSweep = ContinuousClock.now
            while true {
                do {
                    if ContinuousClock.now >= min(nextSweep, watched.nextDue ?? nextSweep) {
                        let scan = try await store.scanLeases(
                            silence: store.settings.beat * 2, host: identity.hostKey)
                        nextSweep = ContinuousClock.now + Self.sweepInterval(processes: scan.processes)
                        try await neighbours.update(scan.hostProcesses, from: store)
                        if scan.isWorkWaiting { onWorkWaiting() }
                        for attempt in watched.observe(scan.silent, run: scan.run, at: ContinuousClock.now) {
                            try await recover(attempt)
                        }
                    }
                    for dead in neighbours.dead() { try await bury(dead, &neighbours) }
                } catch let error as LeaseStoreError {
                    logger.warning("cannot look for lost attempts", metadata: ["reason": "\(error)"])
                    watched.forget()
                    nextSweep = ContinuousClock.now + .seconds(1)
                }
                try await Task.sleep(for: Self.lookInterval * Double.random(in: 0.8...1))
            }
        }
    }

    /// The more processes look, the less often each one has to: together they do five times a second at the most.
    static func sweepInterval(processes: Int) -> Duration {
        max(.seconds(1), .milliseconds(200) * processes) * Double.random(in: 0.9...1)
    }

    /// It was silent for its whole lease by this process's clock; the script asks the server's.
    private func recover(_ attempt: SilentAttempt) async throws {
        guard try await store.suspect(attempt.task, beatSeq: attempt.beatSeq) else { return }
        let reply = try await store.recover(attempt.task, beatSeq: attempt.beatSeq)
        guard reply == .requeued || reply == .ended else { return }
        logger.warning(
            "recovered a silent attempt",
            metadata: ["task": "\(attempt.task)", "process": "\(attempt.process)", "silent": "\(attempt.age)"])
    }

    /// A process of this host is gone: its attempts need not wait for their leases.
    private func bury(_ process: ProcessID, _ neighbours: inout Neighbours) async throws {
        for (task, beatSeq) in try await store.attempts(of: process) {
            let reply = try await store.recover(task, beatSeq: beatSeq, dead: process)
            guard reply == .requeued || reply == .ended else { continue }
            logger.warning(
                "recovered an attempt of a dead process", metadata: ["task": "\(task)", "process": "\(process)"])
        }
        try await store.leave(process, hostKey: identity.hostKey)
        neighbours.forget(process)
    }
}

/// The other processes of this host, as far as they have told the fleet of themselves.
struct Neighbours {
    private let own: ProcessID
    private let hostKey: String
    private var known: [ProcessID: (pid: Int, startTicks: UInt64)] = [:]

    init(of identity: ProcessIdentity) {
        own = identity.id
        hostKey = identity.hostKey
    }

    mutating func update(_ ids: [ProcessID], from store: LeaseStore) async throws {
        let unknown = ids.filter { $0 != own && known[$0] == nil }
        guard !unknown.isEmpty else { return }
        let records = try await store.processes(unknown)
        for record in records { known[record.id] = (record.pid, record.startTicks) }
        // Of one whose record has run out nothing can be proved: it is forgotten, and its leases decide.
        for id in Set(unknown).subtracting(records.map(\.id)) { try await store.leave(id, hostKey: hostKey) }
    }

    mutating func forget(_ id: ProcessID) { known[id] = nil }

    func dead() -> [ProcessID] {
        known.filter { ProcessIdentity.isGone(pid: $0.value.pid, startTicks: $0.value.startTicks) }.map(\.key)
    }
}
