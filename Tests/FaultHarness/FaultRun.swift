import Foundation
import Synchronization

/// One run of a row: where its choices come from, how much it does, and what it finds.
package final class FaultRun: Sendable {
    package let row: String
    package let seed: UInt64
    /// 1 in the tests; every row does so many times its usual number of faults.
    package let scale: Int
    /// The `longshore` binary.
    package let program: String
    private let progress: @Sendable (String) -> Void
    private let found = Mutex(Found())

    private struct Found {
        var faults: [Fault: Int] = [:]
        var images = 0
        var violations: [FaultReport.Violation] = []
        var recoveries: [Duration] = []
        var recoveryBound: Duration?
        var figures: [FaultReport.Figure] = []
    }

    init(row: String, seed: UInt64, scale: Int, program: String, progress: @escaping @Sendable (String) -> Void) {
        self.row = row
        self.seed = seed
        self.scale = scale
        self.program = program
        self.progress = progress
    }

    /// Numbers for one purpose of this run.
    package func random(_ purpose: String) -> SeededRandom { SeededRandom(seed: seed, for: "\(row) \(purpose)") }

    /// A fleet with this run's binary.
    package func plan(_ settings: [String] = Fleet.quick) -> Fleet.Plan {
        var plan = Fleet.Plan(settings)
        plan.program = program
        return plan
    }

    /// A fault was done.
    package func count(_ fault: Fault, _ number: Int = 1) {
        found.withLock { $0.faults[fault, default: 0] += number }
    }

    package func faults(_ fault: Fault) -> Int { found.withLock { $0.faults[fault] ?? 0 } }

    /// So many images have come to their end, as they should or not.
    package func ended(images: Int) { found.withLock { $0.images += images } }

    /// A promise was broken. Everything that helps to find out why belongs into `what`.
    package func violated(_ promise: Promise, _ what: String) {
        found.withLock { $0.violations.append(.init(promise: promise, what: what)) }
        tell("VIOLATED \(promise.rawValue): \(what)")
    }

    package func violated(_ promise: Promise, _ all: [String]) {
        for what in all { violated(promise, what) }
    }

    package func violated(_ all: [FaultReport.Violation]) {
        for one in all { violated(one.promise, one.what) }
    }

    /// A task whose holder had died or gone silent was running again after this time.
    ///
    /// Fewer than 100 such times of a run have no 99th percentile, and are shown only.
    /// - Parameter bound: what it may take, at the 99th percentile of the run.
    package func recovered(after time: Duration, bound: Duration) {
        found.withLock { found in
            found.recoveries.append(time)
            found.recoveryBound = bound
        }
    }

    /// A number that the report shows. Tests do not judge it.
    package func figure(_ name: String, _ value: Double, _ unit: String) {
        found.withLock { $0.figures.append(.init(name: name, value: value, unit: unit)) }
    }

    package func tell(_ what: String) { progress("\(row): \(what)") }

    func report(of row: FaultRow, took time: Duration) -> FaultReport {
        let recovery = found.withLock { found in
            found.recoveryBound.flatMap { FaultReport.Recovery(found.recoveries, bound: $0) }
        }
        if let recovery, recovery.count >= 100, recovery.p99 > recovery.bound {
            violated(
                .recovery,
                "of \(recovery.count) tasks, one in a hundred was running again after \(recovery.p99) s and "
                    + "later; it may take \(recovery.bound) s")
        }
        return found.withLock { found in
            FaultReport(
                row: row.id, fault: row.fault, seed: seed, scale: scale, seconds: time / .seconds(1),
                images: found.images,
                faults: Dictionary(uniqueKeysWithValues: found.faults.map { ($0.key.rawValue, $0.value) }),
                recovery: recovery, figures: found.figures, violations: found.violations)
        }
    }
}
