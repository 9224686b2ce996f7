package import ImportModel

/// One thing with all that is known of it, as names and values for people.
package enum FleetDetails {
    package static func image(_ image: ImageDocument, paint: Paint) -> [String] {
        pairs(
            image.orderedMembers.map { name, value in
                let isSize = name == "size" || name == "virtual_size"
                return (name, isSize ? value.integer.map(sizeText) ?? "" : value.plainText)
            }, paint: paint)
    }

    package static func task(_ task: TaskView, nowMs: Int64, paint: Paint) -> [String] {
        let done = HumanUnits.bytes(task.bytesDone)
        var facts: [(String, String)] = [
            ("task", task.id.rawValue), ("image", task.imageId.rawValue),
            ("what", [task.kind.rawValue, task.method?.rawValue].compactMap { $0 }.joined(separator: " by ")),
            ("source", task.source ?? ""), ("state", task.state.rawValue), ("result", task.result?.rawValue ?? ""),
            ("message", task.message), ("phase", task.state == .processing ? task.phase?.rawValue ?? "" : ""),
            ("bytes", task.bytesTotal.map { "\(done) of \(HumanUnits.bytes($0))" } ?? done),
            ("attempts", "\(task.attempt) begun, \(task.spent) counted"), ("worker", task.worker ?? ""),
            ("stores", task.stores.map(\.rawValue).joined(separator: ", ")), ("priority", "\(task.priority)"),
            ("owner", task.owner), ("request", task.requestId), ("created", moment(task.createdAtMs, nowMs)),
            ("changed", moment(task.updatedAtMs, nowMs)),
        ]
        if !task.state.isTerminal {
            if let due = task.dueAtMs { facts.append(("next attempt in", HumanUnits.age(sinceMs: nowMs, nowMs: due))) }
            facts.append(("must end in", HumanUnits.age(sinceMs: nowMs, nowMs: task.deadlineAtMs)))
        }
        return pairs(facts, paint: paint) + history(task.history ?? [], paint: paint)
    }

    package static func verdict(_ verdict: RecordedVerdict, paint: Paint) -> [String] {
        pairs(
            [("inspected", "\(verdict.format), by the rules of edition \(verdict.edition)")]
                + verdict.notes.map { ("note", $0) }, paint: paint)
    }

    package static func provenance(_ provenance: Provenance, nowMs: Int64, paint: Paint) -> [String] {
        let took = HumanUnits.age(sinceMs: provenance.beganAtMs, nowMs: provenance.endedAtMs)
        var facts = provenance.urls.enumerated().map { ($0 == 0 ? "fetched from" : "redirected to", $1) }
        facts += [
            ("address", provenance.address),
            ("certificate", provenance.certificate.map { "\($0.subject), by \($0.issuer)" } ?? ""),
            ("its SHA-256", provenance.certificate?.sha256 ?? ""), ("etag", provenance.etag ?? ""),
            ("last modified", provenance.lastModified ?? ""),
            ("fetched", "\(moment(provenance.endedAtMs, nowMs)), \(sizeText(provenance.sizeBytes)) in \(took)"),
            ("its digest", provenance.received ?? ""), ("compared with", provenance.checksum ?? ""),
            ("as said by", provenance.checksumUrl ?? ""),
            ("signed by", provenance.signers?.joined(separator: ", ") ?? ""),
        ]
        return pairs(facts, paint: paint)
    }

    package static func queue(_ queue: QueueStats, paint: Paint) -> [String] {
        var facts = [
            ("claims", queue.isPaused ? "paused ('longshore queue resume' lets them go on)" : "running"),
            ("pending", "\(queue.pending)"), ("delayed", "\(queue.delayed)"), ("processing", "\(queue.processing)"),
            ("oldest pending", queue.oldestPendingAgeMs.map(HumanUnits.duration(milliseconds:)) ?? "-"),
            ("pending bytes", HumanUnits.bytes(queue.pendingBytes)), ("processes", "\(queue.processes)"),
        ]
        facts += queue.tenants.sorted { $0.key < $1.key }.map { ("pending of \($0.key)", "\($0.value)") }
        return pairs(facts, paint: paint)
    }

    private static func history(_ attempts: [AttemptRecord], paint: Paint) -> [String] {
        guard !attempts.isEmpty else { return [] }
        var table = TextTable(["TRY", "WORKER", "PHASE", "BYTES", "BEGAN", "TOOK", "END"], rightAligned: [0, 3, 5])
        for attempt in attempts {
            table.add([
                "\(attempt.attempt)", attempt.worker, attempt.phase, HumanUnits.bytes(attempt.bytes),
                HumanUnits.time(ms: attempt.startedAtMs),
                HumanUnits.age(sinceMs: attempt.startedAtMs, nowMs: attempt.endedAtMs), attempt.reason,
            ])
        }
        return ["", "attempts that have ended"] + table.lines(paint)
    }

    /// `name  value` with aligned values; what is empty is left out.
    private static func pairs(_ facts: [(String, String)], paint: Paint) -> [String] {
        let shown = facts.map { (SafeText.line($0.0), SafeText.line($0.1)) }.filter { !$0.1.isEmpty }
        let width = shown.map { SafeText.width($0.0) }.max() ?? 0
        return shown.map { paint(SafeText.fit($0.0, to: width), .faint) + "  " + $0.1 }
    }

    private static func sizeText(_ bytes: Int64) -> String {
        bytes < 1024 ? HumanUnits.bytes(bytes) : "\(HumanUnits.bytes(bytes)) (\(bytes) bytes)"
    }

    private static func moment(_ ms: Int64, _ nowMs: Int64) -> String {
        "\(HumanUnits.time(ms: ms)) (\(HumanUnits.age(sinceMs: ms, nowMs: nowMs)) ago)"
    }
}
