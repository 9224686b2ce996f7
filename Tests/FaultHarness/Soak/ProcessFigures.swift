import Foundation

/// What the kernel says of a process.
enum ProcessFigures {
    /// Resident memory in MiB; `nil` when there is no such process.
    static func memory(_ pid: pid_t) -> Double? { mebibytes("VmRSS:", pid) }

    /// The most resident memory that it ever had, in MiB.
    static func peakMemory(_ pid: pid_t) -> Double? { mebibytes("VmHWM:", pid) }

    private static func mebibytes(_ name: String, _ pid: pid_t) -> Double? {
        guard let line = lines(pid).first(where: { $0.hasPrefix(name) }) else { return nil }
        return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Double($0) }.map { $0 / 1024 }
    }

    /// Open files and sockets.
    static func descriptors(_ pid: pid_t) -> Double? {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")).map { Double($0.count) }
    }

    static func isStopped(_ pid: pid_t) -> Bool {
        lines(pid).contains { $0.hasPrefix("State:") && $0.contains("T") }
    }

    private static func lines(_ pid: pid_t) -> [Substring] {
        // A process may end between two looks.
        ((try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? "").split(separator: "\n")
    }
}
