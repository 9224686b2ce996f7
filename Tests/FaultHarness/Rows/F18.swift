import TestSupport

extension FaultRow {
    package static let f18 = FaultRow(
        "F18", "a soak with a mix of faults",
        passes: "every promise holds for every image; the online check reads 0; nothing grows",
        least: [.kill: 5, .freeze: 5, .proxy: 20]
    ) { run in
        let settings =
            Fleet.quick + [
                // How often one image is hit is not what is looked at.
                "lease.max-attempts=1000",
                // Tasks go while the soak runs, so that what stays can be seen not to grow.
                "lease.retention=120s",
            ]
        let seconds = 15 * run.scale
        let schedule = NemesisSchedule(
            run.random("nemesis"), seconds: seconds, workers: SoakFleet.workers, lease: SoakFleet.lease)
        run.tell("for \(seconds) s, by a schedule that begins so:\n\(schedule.beginning(20))")
        try await Fleet.run(run.plan(settings)) { fleet in
            try await Proxies.run(for: fleet, seed: run.seed) { proxies in
                let history = History()
                let soak = try await SoakFleet(run, fleet, proxies, history)
                try await EventTrace.follow(fleet, observe: soak.observe) { trace in
                    try await lead(soak, schedule, trace)
                }
            }
        }
    }

    private static func lead(_ soak: SoakFleet, _ schedule: NemesisSchedule, _ trace: EventTrace) async throws {
        let (run, fleet) = (soak.run, soak.fleet)
        let judge = HistoryJudge(run, soak.history, trace)
        let lives = SoakLives(soak, judge)
        let watch = SoakWatch(run, soak) { lives.removed }
        try await Nemesis(soak, schedule).rage(beside: lives, watch, trace)
        try await lives.conclude(trace)
        if try await trace.missed(fleet) != 0 {
            run.violated(.carriedThrough, "events were trimmed before they were read")
        }
        soak.conclude()
        judge.conclude()
        watch.conclude()
        let check = RestCheck(fleet: fleet)
        do {
            try await check.swept()
        } catch is EventuallyError {
            run.violated(.consistent, "garbage is not swept")
        }
        run.violated(try await check.problems([:]) + check.isWatched())
    }
}
