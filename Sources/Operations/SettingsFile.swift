import Foundation
import Yams

/// The YAML file: flattened to dotted keys, every value with the line it stands on.
///
/// The tree is walked here, and not by the configuration library, because `stores` is a list of mappings and
/// because every problem shall name its line.
struct SettingsFile {
    struct Written {
        let text: String
        let line: Int
    }

    let path: String
    private(set) var values: [String: Written] = [:]
    /// `nil` when the file does not speak of stores.
    private(set) var stores: [WrittenStore]?
    private(set) var problems: [SettingsProblem] = []

    init(path: String) throws(SettingsError) {
        let text: String
        do {
            text = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
        } catch {
            let there = FileManager.default.fileExists(atPath: path)
            throw SettingsError(problems: [
                SettingsProblem(
                    key: "config", value: path, origin: "the configuration file",
                    finding: there ? "cannot be read as UTF-8 text" : "does not exist",
                    remedy: "name a readable YAML file with --config or \(SettingKey.configVariable)")
            ])
        }
        try self.init(path: path, text: text)
    }

    init(path: String, text: String) throws(SettingsError) {
        self.path = path
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw SettingsError(problems: [
                SettingsProblem(
                    key: "config", value: path, origin: Self.place(of: error, in: path),
                    finding: "is not valid YAML\(Self.explain(error))", remedy: "mend that line")
            ])
        }
        guard let root, root.null == nil else { return }  // An empty file sets nothing.
        guard let mapping = root.mapping else {
            complain("config", path, root, "is not a mapping of keys", "write lines such as `log: {level: info}`")
            return
        }
        walk(mapping, under: [])
    }

    func origin(line: Int) -> String { "\(path), line \(line)" }

    private mutating func walk(_ mapping: Node.Mapping, under prefix: [String]) {
        for (keyNode, value) in mapping {
            guard let part = keyNode.string else {
                complain(prefix.joined(separator: "."), nil, keyNode, "has a key that is no text", "write a plain name")
                continue
            }
            let name = (prefix + [part]).joined(separator: ".")
            let isSection = SettingKey.all.contains { $0.name.hasPrefix(name + ".") }
            if value.null != nil, isSection || SettingKey.all.contains(where: { $0.name == name }) {
                continue  // `key:` with nothing behind it is the same as no line at all.
            } else if let key = SettingKey.all.first(where: { $0.name == name }) {
                read(key, value)
            } else if isSection {
                if let inner = value.mapping {
                    walk(inner, under: prefix + [part])
                } else {
                    complain(name, nil, value, "is a section and needs keys", "indent its keys below it")
                }
            } else {
                complainUnknown(name, keyNode)
            }
        }
    }

    private mutating func read(_ key: SettingKey, _ value: Node) {
        if key.kind == .stores, let sequence = value.sequence {
            stores = sequence.map { readStore($0) }
        } else if key.kind == .list || key.kind == .keyrings, let sequence = value.sequence {
            let items = sequence.compactMap { $0.scalar?.string }
            guard items.count == sequence.count else {
                return complain(key.name, nil, value, "is not a list of plain texts", "write one name on each line")
            }
            values[key.name] = Written(text: items.joined(separator: ","), line: line(of: value))
        } else if key.kind == .properties, let mapping = value.mapping {
            let pairs = mapping.compactMap { name, value in
                value.scalar.flatMap { value in name.string.map { ($0, value.string) } }
            }
            guard pairs.count == mapping.count else {
                return complain(key.name, nil, value, "has a value that is no text", "write lines of `name: value`")
            }
            values[key.name] = Written(text: PropertyText.joined(pairs), line: line(of: value))
        } else if let scalar = value.scalar {
            values[key.name] = Written(text: scalar.string, line: line(of: value))
        } else {
            complain(key.name, nil, value, "is not a single value", "write it as `\(key.name): \(key.fallback ?? "…")`")
        }
    }

    private mutating func readStore(_ node: Node) -> WrittenStore {
        var store = WrittenStore(origin: origin(line: line(of: node)))
        guard let mapping = node.mapping else { return store }
        for (keyNode, value) in mapping {
            let text = value.scalar?.string
            switch keyNode.string {
            case "id": store.id = text
            case "type": store.type = text
            case "path": store.path = text
            case "description": store.description = text
            case "default": store.isDefault = text
            case "weight": store.weight = text
            case "read-only": store.isReadOnly = text
            case let key? where S3Place.keys.contains(key): store.s3[key] = text
            default:
                complainUnknown(
                    "stores.\(keyNode.string ?? "?")", keyNode,
                    known: (WrittenStore.keys + S3Place.keys).map { "stores.\($0)" })
            }
        }
        return store
    }

    private mutating func complainUnknown(
        _ name: String, _ node: Node, known: [String] = SettingKey.all.map(\.name)
    ) {
        let nearest = NearestName.of(name, among: known)
        complain(
            name, nil, node, "is no setting",
            nearest.map { "did you mean \($0)?" } ?? "`longshore doctor --settings` lists them all")
    }

    private mutating func complain(_ key: String, _ value: String?, _ node: Node, _ finding: String, _ remedy: String) {
        problems.append(
            SettingsProblem(
                key: key, value: value, origin: origin(line: line(of: node)), finding: finding, remedy: remedy))
    }

    private func line(of node: Node) -> Int { node.mark?.line ?? 1 }

    private static func place(of error: any Error, in path: String) -> String {
        switch error as? YamlError {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
            "\(path), line \(mark.line)"
        case .duplicatedKeysInMapping(_, let context): "\(path), line \(context.mark.line)"
        default: path
        }
    }

    /// The parser's words without its excerpt of the file, which may hold a password.
    private static func explain(_ error: any Error) -> String {
        switch error as? YamlError {
        case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _):
            " (\(problem))"
        case .duplicatedKeysInMapping(let duplicates, _):
            " (keys that stand there twice: \(duplicates.sorted().joined(separator: ", ")))"
        default: ""
        }
    }
}
