import TestSupport

/// A row of the fault matrix: one kind of fault, done to a real fleet, and what has to be true afterwards.
///
/// To add one: a file under `Rows` with `extension FaultRow { static let f22 = FaultRow(…) }`, and its name in
/// `FaultMatrix`. The body starts a fleet, does its faults and counts them (`run.count`), and hands what it finds wrong
/// to `run.violated`. It throws only when the run itself could not be carried through.
package struct FaultRow: Sendable, CustomStringConvertible {
    /// `F1`
    package let id: String
    /// What is done.
    package let fault: String
    /// What has to be true.
    package let passes: String
    /// How many faults of each kind have to be done at least, at the smallest scale and so at every other.
    package let least: [Fault: Int]
    private let body: @Sendable (FaultRun) async throws -> Void

    package init(
        _ id: String, _ fault: String, passes: String, least: [Fault: Int],
        body: @escaping @Sendable (FaultRun) async throws -> Void
    ) {
        self.id = id
        self.fault = fault
        self.passes = passes
        self.least = least
        self.body = body
    }

    package var description: String { "\(id): \(fault)" }

    /// Does it once.
    /// - Parameters:
    ///   - seed: where every choice comes from.
    ///   - scale: how much is done; 1 is what the tests do.
    ///   - progress: hears of what goes on in long runs.
    package func run(
        seed: UInt64, scale: Int = 1, program: String = Program.longshore,
        progress: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> FaultReport {
        let run = FaultRun(row: id, seed: seed, scale: scale, program: program, progress: progress)
        let started = ContinuousClock.now
        do {
            try await body(run)
        } catch let error as EventuallyError {
            // Something never came, though nothing stood in its way any more.
            run.violated(.ends, "\(error)")
        } catch {
            run.violated(.carriedThrough, "\(error)")
        }
        // Promises that were kept under no faults say nothing.
        for (fault, least) in least.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where run.faults(fault) < least {
            run.violated(
                .carriedThrough,
                "\(run.faults(fault)) faults '\(fault.rawValue)' were done, at least \(least) have to be")
        }
        return run.report(of: self, took: ContinuousClock.now - started)
    }
}
