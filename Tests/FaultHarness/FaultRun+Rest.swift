import TestSupport

extension FaultRun {
    /// Waits until a fleet has nothing to do any more, and judges everything that can be seen of it then: each image of
    /// the workload is active with its own bytes, nothing is left over, and nothing that was published has changed.
    package func judge(_ fleet: Fleet, _ works: Workload...) async throws {
        try await judge(fleet, works)
    }

    package func judge(_ fleet: Fleet, _ works: [Workload]) async throws {
        for work in works { try await work.settle() }
        let check = RestCheck(fleet: fleet)
        do { try await check.swept() } catch is EventuallyError { violated(.consistent, "garbage is not swept") }
        let images = works.reduce(into: [:]) { $0.merge($1.images) { one, _ in one } }
        ended(images: images.count)
        violated(.content, works.flatMap { $0.changes() })
        violated(try await check.problems(images) + check.isWatched())
    }
}
