package import ImportModel
package import Foundation
import Glibc
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

    /// Whether a process of this host is proven to be gone: its pid is free, was given to another process, or is of one
    /// that has ended and waits to be collected. What cannot be seen proves nothing.
    static func isGone(pid: Int, startTicks: UInt64) -> Bool {
        guard startTicks != 0, let pid = pid_t(exactly: pid), pid > 0 else { return false }
        switch look(at: pid) {
        case .running(let ticks): return ticks != startTicks
        case .ended: return true
        // No such entry may also mean that others' processes are hidden here; then a signal would still find it.
        case .absent: return kill(pid, 0) != 0 && errno == ESRCH
        case .unknown: return false
        }
    }

    private enum Sight {
        /// When it was started, in ticks since boot.
        case running(startTicks: UInt64)
        case ended
        case absent
        /// Its entry could not be read: no descriptors left, no right to …
        case unknown
    }

    private static func look(at pid: pid_t) -> Sight {
        let file = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return errno == ENOENT ? .absent : .unknown }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(file, &bytes, bytes.count)
        // It ended between the two calls.
        if count < 0, errno == ESRCH { return .absent }
        guard count > 0 else { return .unknown }
        let stat = String(decoding: bytes[..<count], as: UTF8.self)
        // The name in parentheses may contain anything, so the fields are counted from its end.
        guard let end = stat.lastIndex(of: ")") else { return .unknown }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, let ticks = UInt64(fields[19]) else { return .unknown }
        return fields[0] == "Z" || fields[0] == "X" ? .ended : .running(startTicks: ticks)
    }

    private static func startTicks(of pid: Int) -> UInt64? {
        if case .running(let ticks) = look(at: pid_t(pid)) { ticks } else { nil }
    }
}
