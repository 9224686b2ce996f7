import ArgumentParser
import Foundation
import ImportModel
import LongshoreClient

/// The options of every command that talks to a service, and the way such a command runs.
struct ClientOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The service's URL. Default: LONGSHORE_ENDPOINT, else \(ServiceEndpoint.local).", valueName: "url"))
    var endpoint: String?

    @Option(help: ArgumentHelp("A token to show to the service. Default: OS_TOKEN.", valueName: "token"))
    var osToken: String?

    /// Runs a command's work with a client; its failure becomes words on standard error and an exit code.
    func run(_ body: (ServiceClient, Console) async throws -> Void) async throws {
        let console = Console()
        do {
            try await ServiceClient.run(endpoint: try chosenEndpoint(), token: chosenToken) { client in
                try await body(client, console)
            }
        } catch {
            throw await ClientExit.code(for: error, console)
        }
    }

    // Not parsed by ArgumentParser, which would repeat the text with all that may be secret in it.
    private func chosenEndpoint() throws(InvalidValue) -> ServiceEndpoint {
        guard let text = endpoint ?? Self.environment("LONGSHORE_ENDPOINT") else { return .local }
        return try ServiceEndpoint(parsing: text)
    }

    private var chosenToken: String? { osToken ?? Self.environment("OS_TOKEN") }

    /// An empty variable counts as none.
    private static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// `--json` of the commands that print lists and things.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON, one object per line, instead of text for people.")
    var json = false

    /// Prints `values` as JSON lines or, for people, what `table` makes of them.
    func list<Value: Encodable>(
        _ values: [Value], _ console: Console, empty: String, table: ([Value]) -> TextTable
    ) async throws {
        if json {
            try await console.print(try values.map { try JSONLine.text($0) })
        } else if values.isEmpty {
            // Not on standard output: a script that counts lines counts none.
            await console.note(empty)
        } else {
            try await console.print(table(values).lines(console.paint))
        }
    }
}
