import ArgumentParser
import Logging
import Operations

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
            try await node.run(.worker)
        }
    }
}
