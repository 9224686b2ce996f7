import ArgumentParser
import Foundation
import Operations

/// The settings that the service commands take from the command line; every other one by `--set`.
struct SettingsOptions: ParsableArguments {
    @Option(
        help: "YAML file with settings (default: $LONGSHORE_CONFIG, else /etc/longshore/longshore.yaml if it exists).",
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Option(help: "Where Redis is: redis://host[:port][/db], rediss://… or unix:///path.")
    var redisURL: String?

    @Option(
        help: "A store, as ID=filesystem:/folder or ID=s3:https://host/bucket; the first is the default.",
        completion: .directory)
    var store: [String] = []

    @Option(
        help: "A host name or a block of addresses (CIDR) that sources may be fetched from though it is not public.")
    var allowSource: [String] = []

    @Option(
        help: "trace, debug, info, notice, warning or error.",
        completion: .list(["trace", "debug", "info", "notice", "warning", "error"]))
    var logLevel: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "Any setting, as KEY=VALUE; 'longshore doctor --settings' lists them.", valueName: "key=value"))
    var assignments: [String] = []

    /// Reads the whole configuration.
    /// - Parameter fallbacks: what a command presumes where nobody says otherwise.
    /// - Throws: `SettingsError`, `ValidationError`
    func load(_ own: [String: String] = [:]) throws -> Settings {
        var flags = own
        if let redisURL { flags["redis.url"] = redisURL }
        if !store.isEmpty { flags["stores"] = store.joined(separator: ",") }
        if !allowSource.isEmpty { flags["sources.allow"] = allowSource.joined(separator: ",") }
        if let logLevel { flags["log.level"] = logLevel }
        for assignment in assignments {
            guard let equals = assignment.firstIndex(of: "=") else {
                throw ValidationError("--set takes KEY=VALUE, not '\(assignment)'")
            }
            flags[String(assignment[..<equals])] = String(assignment[assignment.index(after: equals)...])
        }
        return try Settings.load(
            flags: flags, environment: ProcessInfo.processInfo.environment, configFile: config,
            alsoKnown: ["LONGSHORE_ENDPOINT"])
    }
}
