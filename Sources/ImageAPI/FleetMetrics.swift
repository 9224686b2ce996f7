import ImportModel

/// The figures of the fleet that Redis holds, as Prometheus text. Every process tells the same ones.
struct FleetMetrics {
    let queue: QueueStats
    let garbage: Int
    /// By their names in the scripts.
    let counters: [String: Int64]

    func render() -> String {
        gauge("queue_pending", "Tasks that wait to be claimed.", queue.pending)
            + gauge("queue_delayed", "Tasks that wait for their next attempt.", queue.delayed)
            + gauge("tasks_processing", "Tasks that an attempt is working on.", queue.processing)
            + gauge(
                "queue_oldest_pending_age_seconds", "How long the oldest pending task has waited.",
                seconds(queue.oldestPendingAgeMs ?? 0))
            + gauge(
                "queue_pending_bytes", "The bytes of the pending tasks whose size is known.", queue.pendingBytes)
            + gauge(
                "queue_paused", "1 while nothing is claimed because somebody paused the queue, else 0.",
                queue.isPaused ? 1 : 0)
            + gauge("processes", "Live processes of the fleet.", queue.processes)
            + gauge("garbage_pending", "Objects that nothing names and that the sweeper has not yet removed.", garbage)
            + lateness
            + counter("recoveries", "Attempts that were given back to the queue because they had died.")
            + counter("steals", "Locks that a new import took over from a silent one.")
            + counters("beats_refused", "Beats that were refused, by reason.", "reason", of: "refused:")
            + counters("attempts", "Attempts that ended, by outcome.", "outcome", of: "attempts:")
            + counters("tasks_ended", "Tasks that ended, by result.", "result", of: "tasks:")
            + counters("stored_bytes", "Bytes written to each store.", "store", of: "stored:")
            + held
            + counters(
                "audited", "Tasks, images and objects that the online check has looked at.", "what", of: "audited:",
                always: AuditSubject.allCases.map(\.rawValue))
            + counters(
                "reconciler_faults", "Broken invariants that the online check found; should be 0.", "invariant",
                of: "faults:", always: Invariant.allCases.map(\.rawValue))
    }

    private var lateness: String {
        let name = "longshore_beat_lateness_seconds"
        var text = head(name, "How much later than planned beats were acknowledged.", "histogram")
        for bound: Int64 in [100, 500, 1000, 5000, 15_000] {
            text += "\(name)_bucket{le=\"\(seconds(bound))\"} \(counters["late:\(bound)"] ?? 0)\n"
        }
        let count = counters["late:count"] ?? 0
        text += "\(name)_bucket{le=\"+Inf\"} \(count)\n"
        return text + "\(name)_sum \(seconds(counters["late:sum"] ?? 0))\n\(name)_count \(count)\n"
    }

    private func gauge(_ name: String, _ help: String, _ value: some CustomStringConvertible) -> String {
        head("longshore_\(name)", help, "gauge") + "longshore_\(name) \(value)\n"
    }

    private func counter(_ name: String, _ help: String) -> String {
        head("longshore_\(name)_total", help, "counter") + "longshore_\(name)_total \(counters[name] ?? 0)\n"
    }

    /// - Parameter always: values of the label that are told although nothing has been counted yet.
    private func counters(
        _ name: String, _ help: String, _ label: String, of prefix: String, always: [String] = []
    ) -> String {
        head("longshore_\(name)_total", help, "counter")
            + series("longshore_\(name)_total", label, of: prefix, always: always)
    }

    private var held: String {
        let help =
            "1 while the sweeper deletes nothing in the store because it does not fit to Redis, else 0; left out for a "
            + "store that was not swept lately."
        return head("longshore_store_held", help, "gauge") + series("longshore_store_held", "store", of: "held:")
    }

    private func series(_ name: String, _ label: String, of prefix: String, always: [String] = []) -> String {
        let zeros = Dictionary(uniqueKeysWithValues: always.map { (prefix + $0, Int64(0)) })
        let values = counters.filter { $0.key.hasPrefix(prefix) }.merging(zeros) { counted, _ in counted }
        return values.sorted { $0.key < $1.key }.map { key, value in
            let escaped = key.dropFirst(prefix.count).replacingScalar("\\", with: "\\\\")
                .replacingScalar("\"", with: "\\\"").replacingScalar("\n", with: "\\n")
            return "\(name){\(label)=\"\(escaped)\"} \(value)\n"
        }.joined()
    }

    private func head(_ name: String, _ help: String, _ type: String) -> String {
        "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    private func seconds(_ milliseconds: Int64) -> String {
        milliseconds % 1000 == 0 ? String(milliseconds / 1000) : "\(Double(milliseconds) / 1000)"
    }
}
