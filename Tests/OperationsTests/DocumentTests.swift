import Foundation
import ImportModel
import Operations
import Testing

/// The documents that speak of settings and metrics follow the tables in the sources.
@Suite struct DocumentTests {
    @Test func `The operations page has every setting with its default and its help`() throws {
        let page = try read("docs/operations.md")
        for key in SettingKey.all {
            let row = page.split(separator: "\n").first { $0.hasPrefix("| `\(key.name)` |") }
            #expect(row?.hasSuffix("| \(key.help) |") == true, "\(key.name)")
            if let fallback = key.fallback { #expect(row?.contains("| `\(fallback)` |") == true, "\(key.name)") }
        }
    }

    @Test func `The operations page has every metric with its help`() throws {
        let page = try read("docs/operations.md")
        for metric in MetricName.allCases {
            let row = page.split(separator: "\n").first { $0.hasPrefix("| `\(metric.rawValue)` |") }
            #expect(row?.hasSuffix("| \(metric.help) |") == true, "\(metric)")
        }
    }

    @Test func `The page on identity has every row of the policy, and every word`() throws {
        let page = try read("docs/identity.md")
        for action in PolicyAction.all {
            let row = "\n| `\(action.name)` | `\(action.fallback.rawValue)` | \(action.help) |\n"
            #expect(page.contains(row), "\(action.name)")
        }
        for rule in PolicyRule.allCases { #expect(page.contains("\n| `\(rule.rawValue)` | "), "\(rule)") }
    }

    @Test func `The page on testing has every failpoint with its meaning`() throws {
        let page = try read("docs/testing.md")
        for point in Failpoint.allCases {
            #expect(page.contains("\n| `\(point.rawValue)` | \(point.meaning) |\n"), "\(point.rawValue)")
        }
    }

    @Test func `The example configuration is valid, at its defaults, and has every setting`() throws {
        let text = try read("deploy/longshore.example.yaml")
        let example = try load(file: text)
        let defaults = try load()
        for (written, usual) in zip(example.entries, defaults.entries) where written.key.name != "stores" {
            #expect(written.text == usual.text, "\(written.key.name)")
        }
        #expect(example.stores.map(\.compactText) == ["main=filesystem:/srv/longshore/main"])
        for key in SettingKey.all {
            let last = key.components.last ?? ""
            #expect(text.contains("\n\(last):") || text.contains(" \(last): "), "\(key.name)")
        }
    }

    @Test func `The help text has every setting once`() {
        let lines = SettingKey.helpText().split(separator: "\n")
        for key in SettingKey.all { #expect(lines.count { $0.hasPrefix("\(key.name)  (") } == 1, "\(key.name)") }
    }

    private func read(_ path: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }
}
