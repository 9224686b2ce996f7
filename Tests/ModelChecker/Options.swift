import ProtocolModel

/// What is asked for on the command line.
struct Options {
    var configurations: [Configuration] = Configuration.all
    var removals: [Removal] = Removal.all
    /// Those in which it is asked what comes in the end.
    var endings: [Configuration] = Configuration.allOfProgress
    /// Whether traces are printed of what a removed rule breaks.
    var printsTraces = false
    var isJSON = false
    /// States after which an exploration is given up; the run then fails.
    var limit = Int.max

    static let usage = """
        longshore-model [--config NAME] [--ending NAME] [--rule NAME] [--trace] [--json] [--limit STATES]

        Explores the model of the lease protocol completely, in all configurations, and then without each of its rules.
          --config NAME   only this configuration, and no removals: \(Configuration.all.map(\.name).joined(separator: ", "))
          --ending NAME   only what comes in the end: \(Configuration.allOfProgress.map(\.name).joined(separator: ", "))
          --rule NAME     only the removal of this rule: \(Rule.allCases.map(\.rawValue).joined(separator: ", "))
          --trace         print the shortest way to everything that a removal breaks
          --json          one line of JSON for each exploration
          --limit STATES  give up an exploration after so many states
        """

    init(_ arguments: some Sequence<String>) throws {
        var rest = Array(arguments)[...]
        func value(of option: String) throws -> String {
            guard let value = rest.popFirst() else { throw UsageError(reason: "\(option) needs a value") }
            return value
        }
        while let option = rest.popFirst() {
            switch option {
            case "--config":
                let name = try value(of: option)
                configurations = Configuration.all.filter { $0.name == name }
                (removals, endings) = ([], [])
                if configurations.isEmpty { throw UsageError(reason: "there is no configuration '\(name)'") }
            case "--ending":
                let name = try value(of: option)
                endings = Configuration.allOfProgress.filter { $0.name == name }
                (configurations, removals) = ([], [])
                if endings.isEmpty { throw UsageError(reason: "there is no configuration '\(name)' of endings") }
            case "--rule":
                let name = try value(of: option)
                removals = Removal.all.filter { $0.rule.rawValue == name }
                (configurations, endings) = ([], [])
                if removals.isEmpty { throw UsageError(reason: "there is no rule '\(name)'") }
            case "--trace": printsTraces = true
            case "--json": isJSON = true
            case "--limit":
                let number = try value(of: option)
                guard let states = Int(number), states > 0 else {
                    throw UsageError(reason: "'\(number)' is no number of states")
                }
                limit = states
            default: throw UsageError(reason: option == "--help" ? "" : "unknown option '\(option)'")
            }
        }
    }
}

struct UsageError: Error, CustomStringConvertible {
    let reason: String

    var description: String { reason.isEmpty ? Options.usage : "\(reason)\n\n\(Options.usage)" }
}
