import ArgumentParser
import Foundation
import ImportModel
import LongshoreClient
import Operations

/// `longshore policy`
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Print who may do what, with the changes of the configuration.",
        discussion: """
            Rows are changed by api.policy, as ROW=WORD; docs/identity.md says what the words mean.

            Examples:
              longshore policy
              longshore policy --set api.policy=download_image=reader --json | jq 'select(.is_default | not)'
            """)

    @OptionGroup var options: SettingsOptions

    @Flag(help: "Print JSON, one object per line, instead of text for people.")
    var json = false

    func run() async throws {
        try await ServiceExit.reporting {
            let policy = try options.load().api.policy
            let rows = PolicyAction.all.map { PolicyRow($0, policy.rule(for: $0)) }
            if json { return print(try rows.map { try JSONLine.text($0) }.joined(separator: "\n")) }
            var table = TextTable(["ROW", "WHO", "DEFAULT", "WHAT"])
            for row in rows {
                table.add([row.row, row.who, row.isDefault ? "" : row.default, row.what])
            }
            print(table.lines(Console().paint).joined(separator: "\n"))
        }
    }
}

private struct PolicyRow: Encodable {
    let row: String
    let who: String
    let `default`: String
    let isDefault: Bool
    let what: String

    init(_ action: PolicyAction, _ rule: PolicyRule) {
        row = action.name
        who = rule.rawValue
        `default` = action.fallback.rawValue
        isDefault = rule == action.fallback
        what = action.help
    }
}
