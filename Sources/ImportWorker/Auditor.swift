package import LeaseStore
package import Logging
import ServiceLifecycle

/// Compares, every minute somewhere in the fleet, the live tasks with the indexes over them, and forgets finished
/// tasks whose time is over. It should never find anything; what it finds is repaired, logged and counted.
package struct Auditor: Service {
    private static let interval: Duration = .seconds(60)

    private let store: LeaseStore
    private let logger: Logger

    package init(store: LeaseStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    package func run() async throws {
        // Ends with the graceful shutdown; errors are logged below, so nothing else leaves the loop.
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval * Double.random(in: 0.9...1.1))
                do {
                    guard try await store.beginTurn("audit", every: Self.interval) else { continue }
                    let report = try await store.audit()
                    for text in report.texts { logger.error("audit: \(text)") }
                    if report.ended > 0 { logger.warning("audit: \(report.ended) tasks were past their deadline") }
                    while try await store.expireTasks() > 0 {}
                } catch let error as LeaseStoreError {
                    logger.warning("the audit could not be made", metadata: ["reason": "\(error)"])
                }
            }
        }
    }
}
