package import ImportModel
package import Foundation
package import LeaseStore

/// Who this process is, and how others on its host can see whether it still lives.
package struct ProcessIdentity: Sendable {
    package let id: ProcessID
    package let host: String
    /// Boot id and pid namespace. Only processes with the same key can look for each other in `/proc`.
    package let hostKey: String
    package let pid: Int
    package let startTicks: UInt64

    /// Reads this process's own identity from `/proc`.
    package init() {
        let info = ProcessInfo.processInfo
        host = info.hostName
        pid = Int(info.processIdentifier)
        id = ProcessID.mint(host: host, pid: info.processIdentifier)
        // Without them the key is this process's alone, and nobody is ever thought dead by mistake.
        let boot = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        let namespace = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
        if let boot, let namespace {
            hostKey = boot.trimmingCharacters(in: .whitespacesAndNewlines) + "/" + namespace
        } else {
            hostKey = id.rawValue
        }
        startTicks = Self.startTicks(of: pid) ?? 0
    }

    package func record(
        role: String, version: String, concurrency: Int, stores: [StoreID], startedAt: Date
    ) -> ProcessRecord {
        ProcessRecord(
            id: id, role: role, host: host, hostKey: hostKey, pid: pid, startTicks: startTicks, version: version,
            concurrency: concurrency, stores: stores, startedAtMs: Int64(startedAt.timeIntervalSince1970 * 1000))
    }

    /// Whether a process of this host is gone: its pid is free, was given to another process, or is a zombie's.
    static func isGone(pid: Int, startTicks: UInt64) -> Bool {
        guard startTicks != 0 else { return false }
        return self.startTicks(of: pid) != startTicks
    }

    /// When a process was started, in ticks since boot; `nil` if there is none, or only what its parent has not yet
    /// collected.
    private static func startTicks(of pid: Int) -> UInt64? {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            // The name in parentheses may contain anything, so the fields are counted from its end.
            let end = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }
}
