import Configuration
import Foundation
import ImportModel

/// Looks settings up in their layers, strongest first, turns texts into values and collects what is wrong.
///
/// A value that is wrong is replaced by a harmless one, so that reading goes on and finds the next problem; the
/// collected problems make sure that such a stand-in is never used.
struct SettingsReader {
    /// A text, and where it was written.
    struct Found {
        let text: String
        let origin: String
    }

    private let layers: [(provider: any ConfigProvider, origin: (SettingKey) -> String)]
    /// The stores of the file, where it has them as a list.
    private let listedStores: [WrittenStore]
    private(set) var problems: [SettingsProblem] = []
    /// Every setting that was read, for `Settings.describe()`.
    private(set) var entries: [Settings.Entry] = []

    init(flags: [String: String], environment: [String: String], file: SettingsFile?, alsoKnown: Set<String>) {
        listedStores = file?.stores ?? []
        // An empty variable is the same as none: compose files and shells cannot easily leave one out.
        let variables = environment.filter { $0.key.hasPrefix(SettingKey.environmentPrefix) && !$0.value.isEmpty }
        layers = [
            (Self.memory("command line", flags), { _ in "the command line" }),
            (
                EnvironmentVariablesProvider(environmentVariables: variables).prefixKeys(with: "longshore"),
                { "environment variable \($0.environmentName)" }
            ),
            (
                Self.memory("file", file?.values.mapValues(\.text) ?? [:]),
                { key in
                    file.flatMap { file in file.values[key.name].map { file.origin(line: $0.line) } }
                        ?? "the configuration file"
                }
            ),
        ]
        problems = file?.problems ?? []
        complainAboutUnknown(flags: flags, variables: variables, alsoKnown: alsoKnown)
        complainAboutFailpoints(environment)
    }

    private static func memory(_ name: String, _ values: [String: String]) -> InMemoryProvider {
        let pairs = values.map {
            (AbsoluteConfigKey($0.split(separator: ".").map(String.init)), ConfigValue(.string($1), isSecret: true))
        }
        return InMemoryProvider(name: name, values: Dictionary(pairs) { first, _ in first })
    }

    /// The strongest text for `key`, the default included; `nil` when it is unset.
    mutating func find(_ key: SettingKey) -> Found? {
        for layer in layers {
            // These providers hold texts only, and every text can be read as one.
            let result = try? layer.provider.value(forKey: AbsoluteConfigKey(key.components), type: .string)
            guard case .string(let text) = result?.value?.content else { continue }
            return note(key, Found(text: text.trimmingCharacters(in: .whitespaces), origin: layer.origin(key)))
        }
        return note(key, key.fallback.map { Found(text: $0, origin: "default") })
    }

    mutating func complain(
        _ key: SettingKey, _ found: Found?, _ finding: String, _ remedy: String
    ) {
        let value = found.map { key.isSecret ? "***" : LogRedaction.redact($0.text) }
        problems.append(
            SettingsProblem(
                key: key.name, value: value, origin: found?.origin ?? "not set", finding: finding, remedy: remedy))
    }

    mutating func add(_ more: [SettingsProblem]) { problems += more }

    private mutating func note(_ key: SettingKey, _ found: Found?) -> Found? {
        entries.append(Settings.Entry(key: key, text: found?.text, origin: found?.origin))
        return found
    }

    private mutating func complainAboutUnknown(
        flags: [String: String], variables: [String: String], alsoKnown: Set<String>
    ) {
        let names = SettingKey.all.map(\.name)
        for name in flags.keys.sorted() where !names.contains(name) {
            addUnknown(name, "the command line", NearestName.of(name, among: names))
        }
        let known =
            SettingKey.all.map(\.environmentName) + [
                SettingKey.configVariable, FailpointPlan.variable, FailpointPlan.seedVariable,
            ] + alsoKnown
        for name in variables.keys.sorted() where !known.contains(name) {
            addUnknown(name, "the environment", NearestName.of(name, among: known))
        }
    }

    /// Faults that somebody asked for are no setting; all the same nothing starts with some that cannot be read.
    private mutating func complainAboutFailpoints(_ environment: [String: String]) {
        do throws(InvalidValue) { _ = try FailpointPlan(environment: environment) } catch {
            problems.append(
                SettingsProblem(
                    key: FailpointPlan.variable, value: environment[FailpointPlan.variable], origin: "the environment",
                    finding: error.message, remedy: FailpointPlan.remedy))
        }
    }

    private mutating func addUnknown(_ name: String, _ origin: String, _ nearest: String?) {
        problems.append(
            SettingsProblem(
                key: name, value: nil, origin: origin, finding: "is no setting",
                remedy: nearest.map { "did you mean \($0)?" } ?? "`longshore doctor --settings` lists them all"))
    }
}

extension SettingsReader {
    /// The stores of the strongest layer that speaks of them, checked one by one and together.
    mutating func stores() -> [StoreSettings] {
        let key = SettingKey.stores
        var written: [WrittenStore] = []
        let found = find(key)
        if let found {
            for part in found.text.split(separator: ",") {
                if let store = WrittenStore(compact: part, origin: found.origin) {
                    written.append(store)
                } else {
                    complain(
                        key, found, "has a part that is no store",
                        "write main=filesystem:/path or main=s3:https://host/bucket, with commas between")
                }
            }
        } else {
            written = listedStores
        }
        var stores: [StoreSettings] = []
        for store in written {
            do throws(SettingsError) {
                try adopt(store.checked(), from: store, into: &stores)
            } catch {
                add(error.problems)
            }
        }
        let marked = stores.filter(\.isDefault).count
        if marked > 1 { complain(key, nil, "mark \(marked) defaults", "mark one store `default: true`") }
        if marked == 0, let first = stores.firstIndex(where: { !$0.isReadOnly }) {
            stores[first].isDefault = true
        } else if marked == 0, !stores.isEmpty {
            complain(key, nil, "are all read-only, so that none can be the default", "let one be written to")
        }
        setText(key, stores.map(\.compactText).joined(separator: ","), origin: written.first?.origin)
        return stores
    }

    private mutating func adopt(_ store: StoreSettings, from written: WrittenStore, into stores: inout [StoreSettings])
    {
        let twin = stores.first { $0.id == store.id || $0.place.address == store.place.address }
        guard let twin else { return stores.append(store) }
        let what = twin.id == store.id ? "the id \(store.id)" : "one place"
        add([
            SettingsProblem(
                key: "stores", value: store.compactText, origin: written.origin, finding: "two stores have \(what)",
                remedy: "give each store an id and a place of its own")
        ])
    }

    private mutating func setText(_ key: SettingKey, _ text: String, origin: String?) {
        entries.removeAll { $0.key == key }
        let isSet = !text.isEmpty
        entries.append(Settings.Entry(key: key, text: isSet ? text : nil, origin: isSet ? origin : nil))
    }
}
