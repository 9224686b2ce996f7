/// Every metric that Longshore exposes, once: for the exposition's help lines, the code that counts, and the docs.
package enum MetricName: String, Sendable, CaseIterable {
    case queuePending = "longshore_queue_pending"
    case queueDelayed = "longshore_queue_delayed"
    case tasksProcessing = "longshore_tasks_processing"
    case oldestPendingAge = "longshore_queue_oldest_pending_age_seconds"
    case queuePendingBytes = "longshore_queue_pending_bytes"
    case queuePaused = "longshore_queue_paused"
    case processes = "longshore_processes"
    case beatLateness = "longshore_beat_lateness_seconds"
    case recoveries = "longshore_recoveries_total"
    case steals = "longshore_steals_total"
    case beatsRefused = "longshore_beats_refused_total"
    case attempts = "longshore_attempts_total"
    case tasksEnded = "longshore_tasks_ended_total"
    case storedBytes = "longshore_stored_bytes_total"
    case garbagePending = "longshore_garbage_pending"
    case reconcilerFaults = "longshore_reconciler_faults_total"
    case httpRequest = "longshore_http_request_seconds"
    case script = "longshore_script_seconds"

    package var help: String {
        switch self {
        case .queuePending: "Tasks that wait to be claimed."
        case .queueDelayed: "Tasks that wait for their next attempt."
        case .tasksProcessing: "Tasks that an attempt is working on."
        case .oldestPendingAge: "How long the oldest pending task has waited."
        case .queuePendingBytes: "The bytes of the pending tasks whose size is known."
        case .queuePaused: "1 while nothing is claimed because somebody paused the queue, else 0."
        case .processes: "Live processes of the fleet."
        case .beatLateness: "How much later than planned beats were acknowledged."
        case .recoveries: "Attempts that were given back to the queue because they had died."
        case .steals: "Locks that a new import took over from a silent one."
        case .beatsRefused: "Beats that were refused, by reason."
        case .attempts: "Attempts that ended, by outcome."
        case .tasksEnded: "Tasks that ended, by result."
        case .storedBytes: "Bytes written to each store."
        case .garbagePending: "Objects that nothing names and that the sweeper has not yet removed."
        case .reconcilerFaults: "Disagreements between tasks and indexes that the audit found; should be 0."
        case .httpRequest: "How long HTTP requests took."
        case .script: "How long scripts took, the way to Redis and back included."
        }
    }
}
