import ImportModel

/// What the doctor found.
package struct DoctorReport: Hashable, Sendable {
    package struct Finding: Hashable, Sendable {
        package let name: String
        package let result: CheckResult
    }

    package let findings: [Finding]

    package init(findings: [Finding]) { self.findings = findings }

    /// 1 when a check failed, else 0; warnings do not fail.
    package var exitCode: Int32 { count(.failure) > 0 ? 1 : 0 }

    /// For people: a line for each check, and under it what to do.
    package func text() -> String {
        let width = findings.map(\.name.count).max() ?? 0
        let lines = findings.map { finding in
            let result = finding.result
            let name = finding.name.padding(to: width)
            let remedy = result.remedy.map { "\n" + String(repeating: " ", count: width + 11) + "→ \($0)" } ?? ""
            return
                "\(result.verdict.rawValue.padding(to: 7))  \(name)  \(LogRedaction.redact(result.finding))\(remedy)\n"
        }
        return lines.joined() + "\n\(summary)\n"
    }

    /// For scripts: `{"checks":[{"name":…,"verdict":…,"finding":…,"remedy":…}],"failures":0,"warnings":0}`.
    package func json() throws -> String {
        let checks = findings.map { finding in
            Document.Entry(
                name: finding.name, verdict: finding.result.verdict,
                finding: LogRedaction.redact(finding.result.finding), remedy: finding.result.remedy)
        }
        let document = Document(checks: checks, failures: count(.failure), warnings: count(.warning))
        return String(decoding: try FleetJSON.encode(document), as: UTF8.self)
    }

    private var summary: String {
        switch (count(.failure), count(.warning)) {
        case (0, 0): "All \(findings.count) checks are well."
        case (0, let warnings): "\(warnings) of \(findings.count) checks warn."
        case (let failures, let warnings): "\(failures) of \(findings.count) checks failed, \(warnings) warn."
        }
    }

    private func count(_ verdict: CheckResult.Verdict) -> Int { findings.count { $0.result.verdict == verdict } }

    private struct Document: Encodable {
        struct Entry: Encodable {
            let name: String
            let verdict: CheckResult.Verdict
            let finding: String
            let remedy: String?
        }

        let checks: [Entry]
        let failures: Int
        let warnings: Int
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
