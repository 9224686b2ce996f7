import Foundation
import Glibc
import NIOPosix
import TestSupport

/// Runs `count` operations, `inFlight` of them at a time, and returns how long all of them took.
func timed(
    _ count: Int, inFlight: Int, _ operation: @escaping @Sendable (Int) async throws -> Void
) async throws -> Duration {
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
        for lane in 0..<inFlight {
            group.addTask {
                for index in stride(from: lane, to: count, by: inFlight) { try await operation(index) }
            }
        }
        try await group.waitForAll()
    }
    return ContinuousClock.now - start
}

/// Seconds that a program takes to its end.
func secondsToRun(_ program: String, _ arguments: [String]) async throws -> Double {
    let log = FileManager.default.temporaryDirectory.appendingPathComponent("longshore-bench.\(UUID())")
    defer { try? FileManager.default.removeItem(at: log) }  // nothing depends on its going
    let start = ContinuousClock.now
    try await NIOThreadPool.singleton.runIfActive { try ServerProcess.run(program, arguments, log: log) }
    return (ContinuousClock.now - start).inSeconds
}

/// How fast operations went, and the processor time that one of them took on either side. The latter depends less
/// on what else the machine does.
struct Metered {
    var rate: Double
    var redisMicroseconds: Double
    var clientMicroseconds: Double
}

/// As `timed`, with the processor time of Redis's main thread and of this process.
func metered(
    _ count: Int, inFlight: Int, _ catalog: Catalog, _ operation: @escaping @Sendable (Int) async throws -> Void
) async throws -> Metered {
    let (redis, client) = (try await catalog.processorSeconds(), ownProcessorSeconds())
    let took = try await timed(count, inFlight: inFlight, operation)
    let perOperation = 1_000_000 / Double(count)
    return Metered(
        rate: Double(count) / took.inSeconds,
        redisMicroseconds: (try await catalog.processorSeconds() - redis) * perOperation,
        clientMicroseconds: (ownProcessorSeconds() - client) * perOperation)
}

private func ownProcessorSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1_000_000 }
}

extension Duration {
    var inSeconds: Double { self / .seconds(1) }
    var inMilliseconds: Double { self / .milliseconds(1) }
}

extension [Double] {
    /// The value that `share` (0 to 1) of the values do not exceed.
    func quantile(_ share: Double) -> Double {
        let sorted = sorted()
        guard !sorted.isEmpty else { return .nan }
        let rank = (share * Double(sorted.count)).rounded(.up)
        return sorted[Swift.min(Swift.max(Int(rank) - 1, 0), sorted.count - 1)]
    }

    var median: Double { quantile(0.5) }
}
