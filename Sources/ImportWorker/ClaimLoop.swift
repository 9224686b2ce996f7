import ImageStorage
package import ImportModel
package import LeaseStore
package import Logging
import ServiceLifecycle

/// Claims tasks and runs their attempts, up to `concurrency` at once.
///
/// When the process is asked to stop, it claims nothing more and gives back what it runs.
package struct ClaimLoop: Service {
    /// The longest wait without a look at the queue: waking is only an optimisation.
    private static let longestWait: Duration = .seconds(50)
    private static let faultRest: Duration = .seconds(10)
    /// A nonce whose claim was not answered for this long is given up for a new one.
    private static let claimPatience: Duration = .seconds(600)

    private let store: LeaseStore
    private let runner: AttemptRunner
    private let process: ProcessID
    private let stores: ReadyStores
    private let concurrency: Int
    private let logger: Logger
    private let drain = OneShot<Void>()
    private let nudge = Nudge()
    private let rest = Rest()

    package init(
        store: LeaseStore, runner: AttemptRunner, process: ProcessID, stores: ReadyStores, concurrency: Int,
        logger: Logger
    ) {
        self.store = store
        self.runner = runner
        self.process = process
        self.stores = stores
        self.concurrency = concurrency
        self.logger = logger
        // What waits for a store alone may have waited for this one.
        stores.onGrowth { [nudge] in nudge.give() }
    }

    /// Makes an idle worker look at the queue at once.
    package func look() { nudge.give() }

    package func run() async throws {
        await withGracefulShutdownHandler {
            await claimUntilDrained()
        } onGracefulShutdown: {
            drain.fulfil()
        }
    }

    private func claimUntilDrained() async {
        await withTaskGroup(of: Outcome.self) { group in
            var running = 0
            while drain.peek == nil, !Task.isCancelled {
                if running == concurrency {
                    _ = await group.next()
                    running -= 1
                    continue
                }
                guard let (claim, heldSince) = await nextClaim() else { break }
                group.addTask {
                    let outcome = await runner.run(claim, heldSince: heldSince, drain: drain)
                    // A worker that was itself at fault leaves the next tasks to others for a while.
                    if case .workerFault = outcome { rest.begin(for: Self.faultRest) }
                    return outcome
                }
                running += 1
            }
            // Cancelled without a drain: what runs is given back all the same.
            drain.fulfil()
            await group.waitForAll()
        }
    }

    /// Waits for the next task; `nil` when the worker is drained. The instant is when the claim was sent.
    private func nextClaim() async -> (Claim, ContinuousClock.Instant)? {
        await undrained {
            var failures = 0
            while true {
                try Task.checkCancellation()
                try await rest.wait()
                let nonce = Nonce.mint()
                let sent = ContinuousClock.now
                do {
                    // A claim that may have been made is asked for again until it is known: `insist` keeps the nonce.
                    // The instant is the first try's, so the lease is never thought longer than it is.
                    let reply = try await LeaseStore.insist(for: Self.claimPatience) {
                        try await store.claim(nonce: nonce, process: process, stores: stores.ids)
                    }
                    failures = 0
                    switch reply {
                    case .task(let claim): return (claim, sent)
                    case .over: continue
                    case .empty(let due): try await wait(atMost: due)
                    case .paused: try await wait(atMost: nil)
                    }
                } catch let error as LeaseStoreError {
                    failures += 1
                    logger.error("cannot claim", metadata: ["reason": "\(error)"])
                    try await Task.sleep(
                        for: RetryPolicy(base: .seconds(1), cap: .seconds(30)).delay(afterFailures: failures))
                }
            }
        }
    }

    private func wait(atMost due: Duration?) async throws {
        let longest = Self.longestWait * Double.random(in: 0.8...1)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await store.waitForWork(atMost: min(due ?? longest, longest)) }
                group.addTask { try await nudge.take() }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch let error as LeaseStoreError {
            logger.debug("waiting for work was cut short", metadata: ["reason": "\(error)"])
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Runs `body`, cancelled by the drain; `nil` when it was cancelled.
    private func undrained<Result: Sendable>(_ body: @Sendable @escaping () async throws -> Result) async -> Result? {
        await withTaskGroup(of: Result?.self) { group in
            // Cancellation is the only error that leaves these; it means that there is no result.
            group.addTask { try? await body() }
            group.addTask {
                _ = try? await drain.wait()
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            // A claim that came in at the same moment as the drain must not be forgotten.
            for await late in group { if first == nil, let late { return late } }
            return first
        }
    }
}
