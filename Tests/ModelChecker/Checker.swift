import ProtocolModel

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Runs the explorations that were asked for and prints what they found.
struct Checker {
    private let options: Options

    init(_ options: Options) { self.options = options }

    /// Returns whether everything is as it should be.
    func run() -> Bool {
        let clock = ContinuousClock()
        let start = clock.now
        var isSound = true
        if !options.configurations.isEmpty {
            let invariants =
                Invariant.all.map { ($0.name, $0.statement) } + StepInvariant.all.map { ($0.name, $0.statement) }
            say("The protocol as it is: \(invariants.count) invariants, of every state and of every step:")
            for (name, statement) in invariants { say("  \(name) \(statement)") }
            say(Row.header)
        }
        for configuration in options.configurations where !explore(configuration) { isSound = false }
        if !options.endings.isEmpty {
            say("\nIn the end:")
            for property in [ProgressExplorer.comesToRest, ProgressExplorer.endsWell] {
                say("  \(property.name) \(property.statement)")
            }
            say(Row.headerOfProgress)
        }
        for ending in options.endings where !end(ending) { isSound = false }
        if !options.removals.isEmpty { say("\nWithout one of its rules: what breaks, and in how many steps.") }
        for removal in options.removals where !explore(removal) { isSound = false }
        for rule in Rule.allCases where !Removal.all.contains(where: { $0.rule == rule }) {
            say("  \(rule.rawValue): nothing shows what it is for; add it to Removal.all")
            isSound = false
        }
        say("\n\(isSound ? "All as it should be" : "NOT as it should be"), after \(seconds(clock.now - start)).")
        return isSound
    }

    private func explore(_ configuration: Configuration) -> Bool {
        let (report, took) = explore(Model(configuration))
        if options.isJSON {
            print(json(configuration.name, rule: nil, report, took))
        } else {
            print(Row(configuration, report, took))
            for violation in report.violations { printTrace(violation) }
            if !report.isComplete { print("  given up after \(report.states) states") }
        }
        return report.violations.isEmpty && report.isComplete
    }

    /// What comes in the end in a configuration.
    private func end(_ configuration: Configuration) -> Bool {
        let (report, took) = progress(Model(configuration))
        if options.isJSON {
            print(json(configuration.name, rule: nil, report, took))
        } else {
            print(Row(configuration, report, took))
            for violation in report.violations { printTrace(violation) }
        }
        return report.violations.isEmpty && report.isComplete
    }

    private func progress(_ model: Model) -> (Explorer.Report, Duration) {
        fflush(nil)
        let start = ContinuousClock.now
        var explorer = ProgressExplorer(model, limit: options.limit)
        let report = explorer.run()
        return (report, ContinuousClock.now - start)
    }

    private func explore(_ removal: Removal) -> Bool {
        let model = Model(removal.configuration, removed: removal.rule)
        let (report, took) = removal.isOfProgress ? progress(model) : explore(model, stopsAtFirst: true)
        let broken = Set(report.violations.map(\.invariant))
        let isExpected = broken == removal.breaks && report.isComplete
        if options.isJSON {
            print(json(removal.configuration.name, rule: removal.rule, report, took))
        } else {
            let found = report.violations.map { "\($0.invariant) in \($0.trace.count)" }.joined(separator: ", ")
            print("  \(removal.rule.rawValue): \(removal.rule.removal)")
            let question = removal.isOfProgress ? "in the end of" : "in"
            print(
                "    \(question) \(removal.configuration.name), \(report.states) states: \(found.isEmpty ? "nothing" : found)"
            )
            if !isExpected { print("    EXPECTED exactly: \(removal.breaks.sorted().joined(separator: ", "))") }
            if options.printsTraces || !isExpected { for violation in report.violations { printTrace(violation) } }
        }
        return isExpected
    }

    private func explore(_ model: Model, stopsAtFirst: Bool = false) -> (Explorer.Report, Duration) {
        // An exploration takes its time: what came before it should be seen, through a pipe too.
        fflush(nil)
        let start = ContinuousClock.now
        let report = Explorer(model, limit: options.limit, stopsAtFirst: stopsAtFirst).run()
        return (report, ContinuousClock.now - start)
    }

    private func printTrace(_ violation: Explorer.Violation) {
        print("  \(violation.invariant) is broken: \(violation.statement)")
        for (number, action) in violation.trace.enumerated() { print("    \(number + 1). \(action)") }
    }

    private func say(_ text: String) { if !options.isJSON { print(text) } }

    private func json(_ name: String, rule: Rule?, _ report: Explorer.Report, _ took: Duration) -> String {
        let violations = report.violations
            .map { "{\"invariant\":\"\($0.invariant)\",\"steps\":\($0.trace.count)}" }.joined(separator: ",")
        return "{\"configuration\":\"\(name)\",\"removed\":\(rule.map { "\"\($0.rawValue)\"" } ?? "null"),"
            + "\"states\":\(report.states),\"edges\":\(report.edges),\"depth\":\(report.depth),"
            + "\"complete\":\(report.isComplete),\"violations\":[\(violations)],\"seconds\":\(seconds(took).dropLast(2))}"
    }
}

func seconds(_ duration: Duration) -> String {
    let tenths = (duration / .milliseconds(100)).rounded()
    return "\(tenths / 10) s"
}
