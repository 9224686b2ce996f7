import ArgumentParser
import ImageStorage
import ImportModel
import ImportWorker
import Logging
import Operations
import ServiceLifecycle
import UnixSignals

struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Run a worker: claim imports, stream their bytes, heartbeat.",
        discussion: """
            Any number of workers may run, on any number of hosts, on the same Redis and the same stores. SIGTERM \
            drains a worker: it claims nothing more, gives back what it runs, and exits.

            Examples:
              longshore worker --redis-url redis://10.0.0.5:6379 --store main=filesystem:/srv/images
              longshore worker --config /etc/longshore/longshore.yaml --concurrency 8
            """)

    @OptionGroup var options: SettingsOptions

    @Option(help: "Imports at once.")
    var concurrency: Int?

    func run() async throws {
        try await ServiceExit.reporting {
            let settings = try options.load(concurrency.map { ["worker.concurrency": String($0)] } ?? [:])
            settings.log.bootstrap()
            let logger = Logger(label: "longshore.worker")
            let node = try await Node(settings, logger: logger)
            try await node.run(role: "worker", concurrency: settings.worker.concurrency, node.workerServices())
        }
    }
}

extension Node {
    /// Runs the common services and `services` until a signal ends them, then closes everything.
    func run(role: String, concurrency: Int, _ services: [any Service]) async throws {
        do {
            let all = try await commonServices(role: role, concurrency: concurrency) + services
            var configuration = ServiceGroupConfiguration(
                // What fails takes the others down in order, so that running imports are given back.
                services: all.map { .init(service: $0, failureTerminationBehavior: .gracefullyShutdownGroup) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            configuration.maximumGracefulShutdownDuration = settings.worker.drainTimeout
            let group = ServiceGroup(configuration: configuration)
            logger.notice(
                "\(role) is ready",
                metadata: [
                    "process": "\(identity.id)", "version": "\(Version.current)", "catalog": "\(catalogID)",
                    "stores": "\(storages.map(\.id.rawValue).joined(separator: ","))",
                ])
            try await group.run()
        } catch {
            await close()
            throw error
        }
        await close()
        logger.notice("\(role) has stopped")
    }
}
