import ArgumentParser
import Logging
import Operations

struct StandaloneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "standalone",
        abstract: "Run everything in one process: a private Redis, the API and a worker.",
        discussion: """
            Needs no configuration: data, Redis and the store 'main' live in the data folder \
            (~/.local/share/longshore by default), and the API listens on 127.0.0.1:9292. More workers may join it: \
            see the line that it prints when it is ready.

            Examples:
              longshore standalone
              longshore standalone --data-dir /srv/longshore --port 9393
              longshore standalone --allow-source 127.0.0.0/8     # fetch from servers on this machine
            """)

    @OptionGroup var options: SettingsOptions

    @Option(help: "Where Redis' data and the store are kept.", completion: .directory)
    var dataDir: String?

    @Option(help: "The API's port; 0: a free one.")
    var port: Int?

    @Option(help: "Imports at once.")
    var concurrency: Int?

    func run() async throws {
        try await ServiceExit.reporting {
            var own: [String: String] = [:]
            if let dataDir { own["data-dir"] = dataDir }
            if let port { own["api.port"] = String(port) }
            if let concurrency { own["worker.concurrency"] = String(concurrency) }
            let settings = try options.load(own)
            settings.log.bootstrap()
            let logger = Logger(label: "longshore")
            let redis = try await EmbeddedRedis(folder: settings.dataDirectory, logger: logger)
            do {
                own["redis.url"] = "unix://" + redis.socket
                if settings.stores.isEmpty { own["stores"] = "main=filesystem:\(settings.dataDirectory)/store" }
                let node = try await Node(options.load(own), logger: logger)
                logger.notice(
                    "more workers may join",
                    metadata: [
                        "redis-url": "unix://\(redis.socket)",
                        "stores": "\(node.settings.stores.map(\.compactText).joined(separator: ","))",
                    ])
                try await node.run(.standalone, after: [redis])
            } catch {
                await redis.stop()
                throw error
            }
            await redis.stop()
        }
    }
}
