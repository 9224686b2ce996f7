import ArgumentParser
import Logging
import Operations

struct APICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Run the HTTP service: the Image API v2, the fleet API, metrics and health.",
        discussion: """
            Any number may run on the same Redis and stores. Without identity it listens on loopback only.

            Examples:
              longshore api --redis-url redis://10.0.0.5:6379 --store main=filesystem:/srv/images
              longshore api --config /etc/longshore/longshore.yaml --port 9393
            """)

    @OptionGroup var options: SettingsOptions

    @Option(help: "The address to listen on.")
    var host: String?

    @Option(help: "The port to listen on; 0: a free one.")
    var port: Int?

    func run() async throws {
        try await ServiceExit.reporting {
            var own: [String: String] = [:]
            if let host { own["api.host"] = host }
            if let port { own["api.port"] = String(port) }
            let settings = try options.load(own)
            settings.log.bootstrap()
            let node = try await Node(settings, logger: Logger(label: "longshore.api"))
            try await node.run(.api)
        }
    }
}
