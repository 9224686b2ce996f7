import ImportModel

extension FaultRow {
    package static let f16 = FaultRow(
        "F16", "cancel or delete racing publish",
        passes: "clients see one order; after a cancel nothing is published; the bytes of what was deleted go",
        least: [.race: 48]
    ) { run in
        try await Fleet.run(run.plan()) { fleet in
            let apis = [try await fleet.startAPI(), try await fleet.startAPI()]
            // As many at once as one round has images.
            _ = try await fleet.startWorkers(3, ["--concurrency", "4"])
            let history = History()
            try await EventTrace.follow(fleet) { trace in
                var race = PublishRace(run, fleet, apis.map(\.client), history)
                for round in 0..<(4 * run.scale) { try await race.round(round) }
                try await race.judge(trace)
            }
        }
    }
}
