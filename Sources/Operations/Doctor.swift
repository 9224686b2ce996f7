/// What a check found.
package struct CheckResult: Hashable, Sendable, Codable {
    package enum Verdict: String, Sendable, Codable, CaseIterable {
        case ok
        /// Works, but somebody should know.
        case warning
        case failure
    }

    package let verdict: Verdict
    package let finding: String
    /// What to do about it; `nil` where nothing is to be done.
    package let remedy: String?

    package init(_ verdict: Verdict, _ finding: String, remedy: String? = nil) {
        self.verdict = verdict
        self.finding = finding
        self.remedy = remedy
    }

    package static func ok(_ finding: String) -> CheckResult { CheckResult(.ok, finding) }
    package static func warning(_ finding: String, remedy: String) -> CheckResult {
        CheckResult(.warning, finding, remedy: remedy)
    }
    package static func failure(_ finding: String, remedy: String) -> CheckResult {
        CheckResult(.failure, finding, remedy: remedy)
    }
}

/// One thing that can be looked at. It says what is wrong as a result and never throws.
package struct Check: Sendable {
    package let name: String
    package let run: @Sendable () async -> CheckResult

    package init(_ name: String, run: @escaping @Sendable () async -> CheckResult) {
        self.name = name
        self.run = run
    }
}

/// Runs checks, all at once, and reports in the order in which they were handed in.
package struct Doctor: Sendable {
    package let checks: [Check]

    package init(checks: [Check]) { self.checks = checks }

    package func examine() async -> DoctorReport {
        let findings = await withTaskGroup(of: (Int, CheckResult).self) { group in
            for (index, check) in checks.enumerated() {
                group.addTask { (index, await check.run()) }
            }
            var results: [Int: CheckResult] = [:]
            for await (index, result) in group { results[index] = result }
            return results
        }
        return DoctorReport(
            findings: checks.enumerated().compactMap { index, check in
                findings[index].map { DoctorReport.Finding(name: check.name, result: $0) }
            })
    }
}
