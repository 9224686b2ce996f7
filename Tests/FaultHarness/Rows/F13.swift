import Foundation
import ImportModel
import TestSupport

extension FaultRow {
    /// Twice as many hogs as there are processors, for three leases, twice for each scale.
    package static let f13 = FaultRow(
        "F13", "processors taken by others for three leases",
        passes: "no attempt is lost, and no worker has to pause its writing",
        least: [.hog: 2]
    ) { run in
        try await Fleet.run(run.plan(Fleet.calm)) { fleet in
            let api = try await fleet.startAPI()
            let workers = try await fleet.startWorkers(3, ["--concurrency", "2"])
            var shape = Workload.Shape()
            shape.atOnce = 6
            shape.mib = [4]
            shape.rate = 1 << 20
            let work = Workload(run, fleet, shape) { try await api.client.beginImport($0) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await work.run() }
                for _ in 0..<(2 * run.scale) {
                    try await eventually(within: .seconds(60)) { try await api.client.queue().processing >= 6 }
                    try await hog(run, fleet)
                }
                work.stop()
                try await group.waitForAll()
            }
            try await run.judge(fleet, work)
            for history in try await TaskHistory.all(in: fleet) where history.claims != 1 {
                run.violated(.economy, "task \(history.task) lost attempts: \(history.attempts)")
            }
            var late = 0
            for worker in workers {
                for line in worker.lines() {
                    if line.message.hasPrefix("writing pauses") || line.message.hasPrefix("lease lost") {
                        run.violated(.economy, "\(worker.name): \(line.text)")
                    }
                    if line.message.hasPrefix("a heartbeat was not acknowledged") { late += 1 }
                }
            }
            run.figure("heartbeats that were answered too late", Double(late), "heartbeats")
        }
    }

    /// Three leases during which everybody has to wait for a processor.
    private static func hog(_ run: FaultRun, _ fleet: Fleet) async throws {
        let hogs = try (0..<(2 * ProcessInfo.processInfo.activeProcessorCount)).map { _ in
            try ServerProcess(
                "sh", ["-c", "while :; do :; done"], log: fleet.folder.appendingPathComponent("hogs"),
                folder: fleet.folder.appendingPathComponent("none"))
        }
        defer { hogs.forEach { $0.kill() } }
        // How long the fault lasts.
        try await Task.sleep(for: .milliseconds(Fleet.calmLease) * 3)
        if hogs.contains(where: \.hasExited) { throw ServiceFailure("a hog has ended by itself") }
        run.count(.hog)
    }
}
