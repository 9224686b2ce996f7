import Foundation
import ImportModel
import TestSupport

extension FaultRow {
    /// Redis is killed under load, and stays away for up to more than a lease.
    package static let f4 = FaultRow(
        "F4", "Redis is killed under load and started again, at once or after more than a lease",
        passes: "nothing acknowledged is lost; no attempt is taken from a living worker; users see 503 at worst",
        least: [.redisKill: 3]
    ) { run in
        let lease = Duration.seconds(5)
        let settings = [
            "lease.duration=5s", "lease.beat=500ms", "lease.margin=1s", "lease.garbage-grace=0s", "retry.base=100ms",
            "retry.cap=500ms", "sweep.interval=1s", "audit.interval=1s",
        ]
        try await Fleet.run(run.plan(settings)) { fleet in
            var random = run.random("times")
            let api = try await fleet.startAPI()
            let workers = try await fleet.startWorkers(2)
            let load = try await Load.run(users: 8, of: api.client, on: fleet, run) { load in
                for number in 0..<(3 * run.scale) {
                    try await eventually(within: .seconds(60)) { try await fleet.holdings().count > 2 }
                    fleet.redis.kill()
                    run.count(.redisKill)
                    // How long the fault lasts: no time, more than a lease, anything.
                    let times = [.zero, lease + .seconds(1), .milliseconds(Int.random(in: 0...6000, using: &random))]
                    try await Task.sleep(for: times[number % times.count])
                    try await fleet.redis.restart()
                    try await load.check()
                    // The same again would show nothing before anything has moved.
                    let done = try await fleet.counter("tasks:success")
                    try await eventually(within: .seconds(60)) { try await fleet.counter("tasks:success") > done }
                }
            }
            run.ended(images: load.images.count)
            run.figure("503 answers", Double(load.user.refusals), "")
            run.figure("longest wait of a user", load.user.longestWait / .seconds(1), "s")
            try await load.check()
            for id in load.images.keys {
                let task = try await api.client.task(of: id)
                if task.spent != 1 || task.history?.count != 1 {
                    run.violated(.economy, "\(task.id) of a living worker: \(task.history ?? [])")
                }
            }
            for process in workers + [api.process] {
                if process.hasExited { run.violated(.economy, "\(process.name) has ended:\n\(process.tail())") }
                for line in process.lines() where line.message.contains("lease lost") {
                    run.violated(.economy, "\(process.name): \(line.text)")
                }
            }
            run.violated(try await RestCheck(fleet: fleet).problems(load.images, isSwept: false))
        }
    }
}
