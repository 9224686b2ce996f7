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
        for problem in try await check.content(images) {
            violated(problem.hasPrefix("image ") && problem.contains(" is ") ? .ends : .content, problem)
        }
        violated(.content, works.flatMap { $0.changes() })
        violated(.consistent, try await check.indexes() + check.invariants() + check.publications())
        violated(.consistent, try await check.attempts() + check.strays(isSwept: true))
        violated(.consistent, try await check.faults())
    }
}
