import Foundation
import ImportModel
import Logging

extension Settings {
    /// Reads and checks the whole configuration.
    ///
    /// - Parameters:
    ///   - flags: Settings of the command line, by dotted name (`"api.port": "9292"`).
    ///   - environment: The variables of the process; of these, those that begin with `LONGSHORE_`.
    ///   - configFile: The `--config` of the command line; else `LONGSHORE_CONFIG`, else `standardFile` if it exists.
    ///   - alsoKnown: Variables with the prefix that are no settings, such as those of the command line client.
    /// - Throws: Everything that is wrong, at once.
    package static func load(
        flags: [String: String] = [:],
        environment: [String: String] = ProcessInfo.processInfo.environment,
        configFile: String? = nil,
        standardFile: String = SettingKey.standardFile,
        alsoKnown: Set<String> = []
    ) throws(SettingsError) -> Settings {
        let named = configFile ?? environment[SettingKey.configVariable].flatMap { $0.isEmpty ? nil : $0 }
        let standard = FileManager.default.fileExists(atPath: standardFile) ? standardFile : nil
        var file: SettingsFile?
        if let path = named ?? standard { file = try SettingsFile(path: path) }
        var reader = SettingsReader(flags: flags, environment: environment, file: file, alsoKnown: alsoKnown)
        let settings = Settings(reading: &reader, environment: environment, configFile: file?.path)
        guard reader.problems.isEmpty else { throw SettingsError(problems: reader.problems) }
        return settings
    }

    private init(reading reader: inout SettingsReader, environment: [String: String], configFile: String?) {
        self.configFile = configFile
        dataDirectory = reader.text(.dataDir) ?? Self.userDataDirectory(environment)
        log = Log(
            level: Logger.Level(rawValue: reader.choice(.logLevel)) ?? .info,
            format: LogFormat(rawValue: reader.choice(.logFormat)) ?? .text)
        redis = reader.redis()
        api = reader.api()
        keystone = reader.keystone(isUsed: api.identity == "keystone")
        worker = Worker(
            concurrency: reader.count(.workerConcurrency), drainTimeout: reader.duration(.workerDrainTimeout),
            stallTimeout: reader.duration(.workerStallTimeout))
        lease = reader.lease()
        retry = reader.retry()
        sources = Sources(
            allow: reader.hosts(.sourcesAllow), deny: reader.hosts(.sourcesDeny),
            schemes: reader.schemes(.sourcesSchemes), ports: reader.ports(.sourcesPorts),
            redirects: reader.count(.sourcesRedirects),
            connections: reader.count(.sourcesConnections), maxBytes: reader.size(.sourcesMaxBytes),
            minimumRate: reader.rate(.sourcesMinimumRate), rateWindow: reader.duration(.sourcesRateWindow),
            headersTimeout: reader.duration(.sourcesHeadersTimeout),
            connectTimeout: reader.duration(.sourcesConnectTimeout),
            idleTimeout: reader.duration(.sourcesIdleTimeout), totalTimeout: reader.duration(.sourcesTotalTimeout),
            caFile: reader.file(.sourcesCAFile))
        imports = reader.imports()
        stores = reader.stores()
        stagingStore = reader.stagingStore(among: stores)
        sweep = Sweep(
            interval: reader.duration(.sweepInterval), maxDelete: reader.count(.sweepMaxDelete),
            maxShare: reader.share(.sweepMaxShare))
        audit = Audit(interval: reader.duration(.auditInterval))
        entries = reader.entries
    }

    /// `$XDG_DATA_HOME/longshore`, else `~/.local/share/longshore`.
    private static func userDataDirectory(_ environment: [String: String]) -> String {
        if let base = environment["XDG_DATA_HOME"], base.hasPrefix("/") { return base + "/longshore" }
        let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? NSHomeDirectory()
        return (home == "/" ? "" : home) + "/.local/share/longshore"
    }
}
