/// One setting: its name, how it is written, what it is when nobody sets it, and what it does.
///
/// `SettingKey.all` is the one list of settings: the reader, `longshore doctor --settings`, the table in
/// `docs/operations.md`, the example configuration and the tests are all held against it.
package struct SettingKey: Hashable, Sendable {
    /// How a value is written.
    package enum Kind: Hashable, Sendable {
        case text
        /// A text that is never shown.
        case secret
        /// A path of a file that must be readable when the settings are read.
        case file
        case folder
        /// An absolute URL with one of these schemes.
        case url([String])
        /// One of these words.
        case choice([String])
        /// `true` or `false`.
        case flag
        /// A whole number in this range.
        case count(ClosedRange<Int>)
        /// A number in 0 ... 1.
        case share
        /// A number and a unit: `500ms`, `30s`, `5m`, `2h`, `1d`; or `0`.
        case duration
        /// Bytes: `1048576`, `64MiB`, `1TiB`.
        case size
        /// Names; separated by commas where there is no YAML list.
        case list
        /// Names with the files that they stand for, `name=/path`; as a list is written.
        case keyrings
        /// Names with values: a YAML mapping, or `name=value,name=value`, where `\,` is a comma in a value.
        case properties
        /// Stores: a YAML list, or `main=filesystem:/path,second=filesystem:/other`.
        case stores
    }

    /// Dotted, as in the file: `redis.url`.
    package let name: String
    package let kind: Kind
    /// The default, as a user would write it; `nil`: unset.
    package let fallback: String?
    package let help: String

    init(_ name: String, _ kind: Kind, _ fallback: String?, _ help: String) {
        self.name = name
        self.kind = kind
        self.fallback = fallback
        self.help = help
    }

    package var components: [String] { name.split(separator: ".").map(String.init) }

    /// `LONGSHORE_REDIS_URL` for `redis.url`.
    package var environmentName: String {
        SettingKey.environmentPrefix
            + name.uppercased().map { $0 == "." || $0 == "-" ? "_" : String($0) }.joined()
    }

    package var isSecret: Bool { kind == .secret }

    package static let environmentPrefix = "LONGSHORE_"
    /// Names the configuration file; it cannot stand in that file.
    package static let configVariable = "LONGSHORE_CONFIG"
    /// Read when no other file is named and this one exists.
    package static let standardFile = "/etc/longshore/longshore.yaml"
}
