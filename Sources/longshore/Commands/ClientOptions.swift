import ArgumentParser
import Foundation
import ImportModel
import LongshoreClient

/// The options of every command that talks to a service, and the way such a command runs.
struct ClientOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The service's URL. Default: LONGSHORE_ENDPOINT; with OS_AUTH_URL that of Keystone's catalogue; else "
                + "\(ServiceEndpoint.local).", valueName: "url"))
    var endpoint: String?

    @Option(
        help: ArgumentHelp(
            "A token to show to the service. Default: OS_TOKEN, else what Keystone gives to the user of the OS_ variables.",
            valueName: "token"))
    var osToken: String?

    @Option(
        help: ArgumentHelp(
            "PEM certificates to trust the service by. Default: OS_CACERT, else those of the system.",
            valueName: "file"), completion: .file(extensions: ["pem", "crt"]))
    var caFile: String?

    /// Runs a command's work with a client; its failure becomes words on standard error and an exit code.
    func run(_ body: (ServiceClient, Console) async throws -> Void) async throws {
        let console = Console()
        do {
            let access = try await access()
            let named = caFile ?? ProcessInfo.processInfo.environment["OS_CACERT"].flatMap { $0.isEmpty ? nil : $0 }
            try await ServiceClient.run(endpoint: access.endpoint, token: access.token, caFile: named) { client in
                try await body(client, console)
            }
        } catch {
            throw await ClientExit.code(for: error, console)
        }
    }

    /// The service and a token for it: what was given, else what Keystone says to the user of the `OS_` variables.
    private func access() async throws -> (endpoint: ServiceEndpoint, token: String?) {
        let environment = ProcessInfo.processInfo.environment.filter { !$0.value.isEmpty }
        // Not parsed by ArgumentParser, which would repeat the text with all that may be secret in it.
        let given = try (endpoint ?? environment["LONGSHORE_ENDPOINT"]).map(ServiceEndpoint.init(parsing:))
        if let token = osToken ?? environment["OS_TOKEN"] { return (given ?? .local, token) }
        guard let login = try OpenStackLogin(environment) else { return (given ?? .local, nil) }
        let session = try await login.logIn(needsEndpoint: given == nil)
        return (try given ?? ServiceEndpoint(parsing: session.endpoint), session.token)
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
