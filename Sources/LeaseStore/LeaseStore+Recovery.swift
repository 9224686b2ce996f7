package import ImportModel
import RedisClient

/// An attempt that missed beats, as a recoverer sees it.
package struct SilentAttempt: Hashable, Sendable {
    package var task: TaskID
    package var beatSeq: Int64
    package var age: Duration
    package var lease: Duration
    package var process: ProcessID

    package init(task: TaskID, beatSeq: Int64, age: Duration, lease: Duration, process: ProcessID) {
        self.task = task
        self.beatSeq = beatSeq
        self.age = age
        self.lease = lease
        self.process = process
    }
}

/// What a recoverer has to look at.
package struct LeaseScan: Sendable {
    package var processes: Int
    package var hostProcesses: [ProcessID]
    package var silent: [SilentAttempt]
    /// Whether tasks wait to be claimed.
    package var isWorkWaiting: Bool
    /// Which run of the server answered; another one after each restart.
    package var run: String
}

package enum RecoverReply: Hashable, Sendable {
    case requeued
    case ended
    /// It is not certain enough yet that nobody is there.
    case alive
    /// It beat, ended, or was recovered by somebody else.
    case moved
}

extension LeaseStore {
    /// Which attempts have been silent for `silence`, which processes run on the host `host`, and whether work waits.
    package func scanLeases(silence: Duration, host: String) async throws -> LeaseScan {
        let reply = try await call(Scripts.leaseScan, [silence.argument, host, 1000])
        guard reply.word == "scan" else { throw reply.unknown }
        let values = try reply.strings(2)
        var silent: [SilentAttempt] = []
        for start in stride(from: 0, to: values.count - values.count % 5, by: 5) {
            guard let task = TaskID(rawValue: values[start]), let seq = Int64(values[start + 1]),
                let age = Int64(values[start + 2]), let lease = Int64(values[start + 3]),
                let process = ProcessID(rawValue: values[start + 4])
            else { throw reply.malformed("an attempt that cannot be read") }
            silent.append(
                SilentAttempt(
                    task: task, beatSeq: seq, age: .milliseconds(age), lease: .milliseconds(lease), process: process))
        }
        return LeaseScan(
            processes: Int(try reply.int(0)),
            hostProcesses: try reply.strings(1).compactMap(ProcessID.init(rawValue:)), silent: silent,
            isWorkWaiting: try reply.int(3) == 1, run: try reply.string(4))
    }

    /// Marks an attempt that was watched being silent for its whole lease; `false`: it moved.
    package func suspect(_ task: TaskID, beatSeq: Int64) async throws -> Bool {
        let reply = try await call(Scripts.importSuspect, [task.rawValue, Int(beatSeq)])
        Failpoint.reach(.suspectAnswered)
        switch reply.word {
        case "suspected": return true
        case "moved": return false
        default: throw reply.unknown
        }
    }

    /// Takes a dead attempt's task back.
    /// - Parameter dead: the process that is proven to be gone, where there is such a proof.
    package func recover(_ task: TaskID, beatSeq: Int64, dead: ProcessID? = nil) async throws -> RecoverReply {
        Failpoint.reach(.recoverSent)
        let reply = try await call(
            Scripts.importRecover, [task.rawValue, Int(beatSeq), dead?.rawValue ?? ""], isDurable: true)
        Failpoint.reach(.recoverAnswered)
        switch reply.word {
        case "requeued": return .requeued
        case "ended": return .ended
        case "alive": return .alive
        case "moved": return .moved
        default: throw reply.unknown
        }
    }

    /// The running attempts of one process, for when that is proven to be dead.
    package func attempts(of process: ProcessID) async throws -> [(task: TaskID, beatSeq: Int64)] {
        let running = try await read([RedisCommand("ZRANGE", keys.leases, 0, -1)])
        let ids = (running.first?.array ?? []).compactMap { $0.string.flatMap(TaskID.init(rawValue:)) }
        let replies = try await read(ids.map { RedisCommand("HMGET", keys.task($0), "worker", "beat_seq") })
        return zip(ids, replies).compactMap { id, reply in
            guard let values = reply.array, values.count == 2, values[0].string == process.rawValue,
                let seq = values[1].int
            else { return nil }
            return (id, seq)
        }
    }

    /// Whether it is time for work that somebody in the fleet has to do every `interval`; one process is told so.
    package func beginTurn(_ what: String, every interval: Duration) async throws -> Bool {
        let reply = try await call(Scripts.turnBegin, [what, interval.argument])
        switch reply.word {
        case "begin": return true
        case "not-due": return false
        default: throw reply.unknown
        }
    }

    /// Forgets finished tasks whose time of retention is over; returns how many.
    package func expireTasks() async throws -> Int {
        let reply = try await call(Scripts.taskExpire, [500])
        guard reply.word == "expired" else { throw reply.unknown }
        return Int(try reply.int(0))
    }
}
