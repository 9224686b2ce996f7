/// One thing that is wrong with the settings: where, what, and what would do.
package struct SettingsProblem: Hashable, Sendable, CustomStringConvertible {
    /// The setting, or the unknown name that was found.
    package let key: String
    /// As it was written; secrets are masked.
    package let value: String?
    /// Where it was written: the command line, an environment variable, a line of the file.
    package let origin: String
    package let finding: String
    package let remedy: String

    package init(key: String, value: String?, origin: String, finding: String, remedy: String) {
        self.key = key
        self.value = value
        self.origin = origin
        self.finding = finding
        self.remedy = remedy
    }

    package var description: String {
        let shown = value.map { " = \"\($0)\"" } ?? ""
        return "\(key)\(shown) (\(origin)): \(finding); \(remedy)"
    }
}

/// The settings cannot be used; carries everything that is wrong with them, not just the first thing.
package struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
    package let problems: [SettingsProblem]

    package init(problems: [SettingsProblem]) { self.problems = problems }

    package var description: String {
        let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
        return "the configuration has \(count):\n" + problems.map { "  \($0)" }.joined(separator: "\n")
    }
}
