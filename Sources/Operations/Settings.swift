package import ImportModel
package import Logging

/// The configuration of a process: read once at start, checked as a whole, and passed on as values.
///
/// Four layers, strongest first: the command line, environment variables, the YAML file, the defaults in
/// `SettingKey.all`.
package struct Settings: Sendable {
    package struct Log: Sendable {
        package let level: Logger.Level
        package let format: LogFormat
    }

    package struct Redis: Sendable {
        package let url: String
        package let username: String?
        package let password: String?
        package let caFile: String?
        package let certificateFile: String?
        package let keyFile: String?
        package let serverName: String?
        package let prefix: String
        /// How many replicas must confirm a write that has to last; 0: none are asked.
        package let replicas: Int
        package let allowUnsafe: Bool
    }

    package struct API: Sendable {
        /// At least one.
        package let hosts: [String]
        /// 0: a free one.
        package let port: Int
        /// Without a slash at its end.
        package let publicEndpoint: String?
        /// Both, or neither: without TLS.
        package let certificateFile: String?
        package let keyFile: String?
        package let corsOrigins: [String]
        /// Requests a second of a project; 0: any number.
        package let rateLimit: Int
        package let rateBurst: Int
        package let identity: String
        package let policy: Policy
        package let maxUploadBytes: Int64
        package let maxDownloads: Int
        package let clientTimeout: Duration
        package let drainTimeout: Duration
    }

    package struct Keystone: Sendable, CustomReflectable {
        package let authURL: String
        package let publicURL: String?
        package let username: String?
        package let password: String?
        package let userDomain: String
        package let project: String?
        package let projectDomain: String
        package let applicationCredentialID: String?
        package let applicationCredentialSecret: String?
        package let caFile: String?
        package let timeout: Duration
        /// Zero: nothing is remembered.
        package let cacheTime: Duration

        package var customMirror: Mirror { Mirror(self, children: ["authURL": authURL]) }
    }

    package struct Worker: Sendable {
        package let concurrency: Int
        package let drainTimeout: Duration
        package let stallTimeout: Duration
    }

    package struct Sources: Sendable {
        package let allow: [String]
        package let deny: [String]
        package let schemes: Set<String>
        package let ports: [ClosedRange<Int>]
        package let redirects: Int
        package let connections: Int
        package let maxBytes: Int64
        /// Bytes a second; `nil`: any.
        package let minimumRate: Int64?
        package let rateWindow: Duration
        package let headersTimeout: Duration
        package let connectTimeout: Duration
        package let idleTimeout: Duration
        package let totalTimeout: Duration
        package let caFile: String?
    }

    package struct Imports: Sendable {
        /// How images may be imported, in the order in which it is told.
        package let methods: [ImportMethod]
        package let requireFormatMatch: Bool
        package let checkpointBytes: Int64
        /// Files of keys, by the names that imports use.
        package let keyrings: [String: String]
        /// In the order in which they are applied.
        package let plugins: [ImportPlugin]
        /// What the plugin `inject` sets; nothing where it is not configured.
        package let injection: MetadataInjection
        package let decompressMaxRatio: Int
        package let decompressMaxMemoryBytes: Int64
        package let decompressMaxTime: Duration
        /// `nil` where images are not converted.
        package let conversion: Conversion?
    }

    package struct Conversion: Sendable {
        package let format: String
        /// A folder.
        package let scratch: String
        package let maxBytes: Int64
        package let maxRatio: Int
        package let maxMemoryBytes: Int64
        package let maxProcessorTime: Duration
        package let timeout: Duration
    }

    package struct Sweep: Sendable {
        package let interval: Duration
        package let maxDelete: Int
        /// 0 ... 1.
        package let maxShare: Double
    }

    package struct Audit: Sendable {
        package let interval: Duration
    }

    /// One setting as it is in force, and where it was written.
    package struct Entry: Hashable, Sendable {
        package let key: SettingKey
        package let text: String?
        package let origin: String?
    }

    /// The configuration file that was read, if any.
    package let configFile: String?
    package let dataDirectory: String
    package let log: Log
    package let redis: Redis
    package let api: API
    /// Complete where `api.identity` is `keystone`.
    package let keystone: Keystone
    package let worker: Worker
    package let lease: LeaseSettings
    package let retry: RetryPolicy
    package let sources: Sources
    package let imports: Imports
    /// Empty where no store is configured; otherwise exactly one is the default.
    package let stores: [StoreSettings]
    /// Where staged uploads wait; `nil` where no store is configured.
    package let stagingStore: StoreID?
    package let sweep: Sweep
    package let audit: Audit
    package let entries: [Entry]

    package var defaultStore: StoreSettings? { stores.first(where: \.isDefault) }

    /// In which of an image's stores its bytes are looked for first.
    package var readingOrder: ReadingOrder {
        ReadingOrder(
            weights: Dictionary(stores.map { ($0.id, $0.weight) }) { first, _ in first },
            defaultStore: defaultStore?.id)
    }

    /// Every setting in force with its origin, a line each; secrets and credentials in URLs are masked.
    package func describe() -> String {
        let lines = entries.map { entry in
            let text = entry.text.map { entry.key.isSecret ? "***" : LogRedaction.redact($0) } ?? "(unset)"
            let origin = entry.origin.map { "  # \($0)" } ?? ""
            return "\(entry.key.name) = \(text)\(origin)"
        }
        let file = configFile ?? "none"
        return "# configuration file: \(file)\n" + lines.joined(separator: "\n") + "\n"
    }
}
