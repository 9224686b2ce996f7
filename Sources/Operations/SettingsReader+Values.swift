import Foundation
import ImportModel

/// Texts into values, one method for each kind of setting.
extension SettingsReader {
    mutating func text(_ key: SettingKey) -> String? {
        find(key).flatMap { $0.text.isEmpty ? nil : $0.text }
    }

    mutating func choice(_ key: SettingKey) -> String {
        guard case .choice(let words) = key.kind, let found = find(key) else { return "" }
        if words.contains(found.text.lowercased()) { return found.text.lowercased() }
        complain(key, found, "is not one of its words", "write \(words.joined(separator: ", "))")
        return words.first ?? ""
    }

    mutating func flag(_ key: SettingKey) -> Bool {
        guard let found = find(key) else { return false }
        if let value = FlagText.parse(found.text) { return value }
        complain(key, found, "is neither true nor false", "write true or false")
        return false
    }

    mutating func count(_ key: SettingKey) -> Int {
        guard case .count(let range) = key.kind, let found = find(key) else { return 0 }
        if let value = Int(found.text), range.contains(value) { return value }
        complain(
            key, found, "is no whole number of its range", "write one from \(range.lowerBound) to \(range.upperBound)")
        return range.lowerBound
    }

    mutating func share(_ key: SettingKey) -> Double {
        guard let found = find(key) else { return 0 }
        if let value = Double(found.text), (0...1).contains(value) { return value }
        complain(key, found, "is no share", "write a number from 0 to 1, such as 0.5")
        return 0
    }

    /// A duration; longer than zero unless `zero` is allowed.
    mutating func duration(_ key: SettingKey, zero: Bool = false) -> Duration {
        guard let found = find(key) else { return .zero }
        if let value = DurationText.parse(found.text), value > .zero || zero { return value }
        complain(
            key, found, zero ? "is no duration" : "is no duration longer than zero",
            "write a number and ms, s, m, h or d, such as \(key.fallback ?? "30s")")
        return .seconds(1)
    }

    /// - Parameter mayBeNone: whether 0 is a size, too.
    mutating func size(_ key: SettingKey, mayBeNone: Bool = false) -> Int64 {
        guard let found = find(key) else { return 0 }
        if let value = SizeText.parse(found.text), value > 0 || (mayBeNone && value == 0) { return value }
        complain(
            key, found, "is no size",
            "write bytes, or a number and KiB, MiB, GiB or TiB, such as \(key.fallback ?? "1GiB")")
        return 1
    }

    mutating func url(_ key: SettingKey) -> String? {
        guard case .url(let schemes) = key.kind, let found = find(key), !found.text.isEmpty else { return nil }
        guard let parts = URLComponents(string: found.text), let scheme = parts.scheme?.lowercased(),
            schemes.contains(scheme)
        else {
            complain(
                key, found, "is no URL that can be used",
                "begin it with \(schemes.map { $0 + "://" }.joined(separator: " or "))")
            return nil
        }
        if scheme == "unix" {
            if parts.path.isEmpty { complain(key, found, "names no socket", "write unix:///path/of/redis.sock") }
        } else if parts.host?.isEmpty != false {
            complain(key, found, "names no host", "write \(scheme)://host:port")
        }
        return found.text
    }

    /// A file that can be read now, so that a wrong path is told at start and not at the first connection.
    mutating func file(_ key: SettingKey) -> String? {
        guard let found = find(key), !found.text.isEmpty else { return nil }
        if FileManager.default.isReadableFile(atPath: found.text) { return found.text }
        let there = FileManager.default.fileExists(atPath: found.text)
        complain(
            key, found, there ? "cannot be read by this user" : "does not exist",
            there ? "let the service's user read it" : "name an existing file")
        return nil
    }

    /// Host names, addresses and networks in CIDR notation.
    mutating func hosts(_ key: SettingKey) -> [String] {
        guard let found = find(key) else { return [] }
        let items = Self.items(of: found)
        for item in items where !Self.looksLikeHostOrNetwork(item) {
            complain(
                key, Found(text: item, origin: found.origin), "is neither a host nor a network",
                "write mirror.example.org, 192.0.2.7 or 10.0.0.0/8")
        }
        return items
    }

    mutating func methods(_ key: SettingKey) -> [ImportMethod] {
        guard let found = find(key) else { return [] }
        var methods: [ImportMethod] = []
        for item in Self.items(of: found) {
            if let method = ImportMethod(rawValue: item) {
                if !methods.contains(method) { methods.append(method) }
            } else {
                let known = ImportMethod.allCases.map(\.rawValue).joined(separator: ", ")
                complain(key, Found(text: item, origin: found.origin), "is no way to import", "write some of \(known)")
            }
        }
        return methods
    }

    /// Files by their names.
    mutating func keyrings(_ key: SettingKey) -> [String: String] {
        guard let found = find(key) else { return [:] }
        var files: [String: String] = [:]
        for item in found.text.split(separator: ",") {
            let parts = item.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            let written = Found(text: item.trimmingCharacters(in: .whitespaces), origin: found.origin)
            guard parts.count == 2, PublisherChecksum.isKeyringName(parts[0]), parts[1].hasPrefix("/") else {
                complain(key, written, "is no keyring", "write name=/path/of/keys.gpg")
                continue
            }
            if files[parts[0]] != nil {
                complain(key, written, "gives a name for the second time", "give each keyring a name of its own")
            } else if !FileManager.default.isReadableFile(atPath: parts[1]) {
                complain(
                    key, written, "names a file that cannot be read",
                    "make it with `gpg --export KEY > \(parts[1])`, and let the service's user read it")
            }
            files[parts[0]] = parts[1]
        }
        return files
    }

    /// The policy, with the rows that are written `row=word`.
    mutating func policy(_ key: SettingKey) -> Policy {
        var policy = Policy()
        guard let found = find(key) else { return policy }
        var seen: Set<String> = []
        for item in Self.items(of: found) {
            let parts = item.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            let written = Found(text: item, origin: found.origin)
            guard parts.count == 2 else {
                complain(key, written, "is no row of the policy", "write row=word, such as download_image=reader")
                continue
            }
            if !seen.insert(parts[0]).inserted {
                complain(key, written, "sets a row for the second time", "set each row once")
            }
            do throws(InvalidValue) {
                try policy.set(parts[0], to: parts[1])
            } catch {
                let names = PolicyAction.all.map(\.name)
                let nearest = names.contains(parts[0]) ? nil : NearestName.of(parts[0], among: names)
                complain(
                    key, written, error.message, nearest.map { "did you mean \($0)?" } ?? "see docs/identity.md")
            }
        }
        return policy
    }

    static func items(of found: Found?) -> [String] {
        (found?.text ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    }

    /// A coarse check that catches URLs and slips; the URL policy reads addresses in earnest.
    private static func looksLikeHostOrNetwork(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = parts[0].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-:_*".contains($0)) }
        guard !parts[0].isEmpty, isPlain else { return false }
        switch parts.count {
        case 1: return true
        case 2: return Int(parts[1]).map { (0...128).contains($0) } ?? false
        default: return false
        }
    }
}
