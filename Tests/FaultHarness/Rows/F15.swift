import ImportModel
import LeaseStore
import TestSupport

extension FaultRow {
    package static let f15 = FaultRow(
        "F15", "64 stealers for one expired lock",
        passes: "one of them wins, through whichever API; all others hear 409; the bytes are the winner's",
        least: [.race: 256]
    ) { run in
        // A lease that outlasts the row: a recoverer that gave the task back would come before the thieves.
        try await Fleet.run(run.plan(Fleet.patient + ["lease.duration=10m"])) { fleet in
            let apis = [try await fleet.startAPI().client, try await fleet.startAPI().client]
            let theft = LockTheft(run: run, fleet: fleet, apis: apis)
            var images: [ImageID: SourceImage] = [:]
            try await PretendFleet.with(fleet, lease: .seconds(600)) { pretend in
                // All of them first: what the winners queue is left to the worker.
                var locks: [LockTheft.Expired] = []
                for round in 0..<(4 * run.scale) { locks.append(try await theft.expiredLock(round, pretend)) }
                for (round, expired) in locks.enumerated() {
                    if let bytes = try await theft.steal(expired, round) { images[expired.image] = bytes }
                }
            }
            _ = try await fleet.startWorker(["--concurrency", "4"])
            do {
                try await apis[0].wait(for: images.keys)
            } catch {
                run.violated(.ends, "\(error)")
            }
            run.ended(images: images.count)
            let check = RestCheck(fleet: fleet)
            run.violated(try await check.content(images))
            run.violated(.consistent, try await check.indexes() + check.faults())
        }
    }
}

/// A lock whose holder is silent for too long, and many who want it.
private struct LockTheft {
    static let thieves = 64
    /// More than the half hour that a holder is left its lock.
    private static let silence: Duration = .seconds(1900)

    let run: FaultRun
    let fleet: Fleet
    let apis: [FleetClient]

    struct Expired {
        let image: ImageID
        let holder: TaskID
    }

    /// In even rounds the holder runs, was watched and is silent; in odd ones it has waited for its next attempt.
    func expiredLock(_ round: Int, _ pretend: PretendFleet) async throws -> Expired {
        let image = try await apis[round % 2].beginImport(fleet.source.url(SourceImage(seed: 0, mib: 1)))
        let claim = try await pretend.claim()
        if round % 2 == 0 {
            guard try await pretend.store.suspect(claim.task.id, beatSeq: claim.task.beatSeq) else {
                throw ServiceFailure("task \(claim.task.id) could not be suspected")
            }
        } else {
            _ = try await pretend.store.fail(
                .init(task: claim.task.id, nonce: claim.nonce), .retry(after: .seconds(3600)), reason: "no answer")
        }
        try await pretend.age(claim.task.id, by: Self.silence)
        return Expired(image: image, holder: claim.task.id)
    }

    /// All ask at once, half of them at each API. Returns what the winner imports.
    func steal(_ expired: Expired, _ round: Int) async throws -> SourceImage? {
        let before = try await fleet.counter("steals")
        let answers = try await withThrowingTaskGroup(of: (SourceImage, FleetClient.Answer).self) { group in
            for thief in 0..<Self.thieves {
                // Everybody has bytes of his own.
                let bytes = SourceImage(seed: 1 + round * Self.thieves + thief, mib: 1)
                let (client, url) = (apis[thief % apis.count], fleet.source.url(bytes))
                group.addTask { (bytes, try await client.requestImport(expired.image, url)) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        run.count(.race, answers.count)
        let winners = answers.filter { $0.1.status == 202 }
        if winners.count != 1 {
            run.violated(.linearizable, "\(winners.count) of \(answers.count) stole the lock of \(expired.image)")
        }
        for (_, answer) in answers where answer.status != 202 && answer.status != 409 {
            run.violated(.answers, "a thief of \(expired.image) was answered \(answer.status): \(answer.text)")
        }
        let steals = try await fleet.counter("steals") - before
        if steals != 1 { run.violated(.consistent, "\(steals) steals were counted of \(expired.image)") }
        let tasks = try await apis[round % 2].tasks(of: expired.image)
        let loser = tasks.first { $0.id == expired.holder }
        if loser?.result != .stolen {
            run.violated(.consistent, "the loser \(expired.holder) ended as \(loser?.result?.rawValue ?? "nothing")")
        }
        if tasks.count != 2 { run.violated(.consistent, "image \(expired.image) has \(tasks.count) tasks") }
        return winners.first?.0
    }
}
