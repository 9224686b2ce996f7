import FaultHarness
import Foundation
import Testing

/// Each row of the fault matrix at its smallest. `FAULT_SEED` runs them with other choices; `longshore-faults` runs
/// them longer.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct FaultMatrixTests {
    private static let seed = ProcessInfo.processInfo.environment["FAULT_SEED"].flatMap { UInt64($0) } ?? 1

    @Test("a fleet keeps its promises under", arguments: FaultMatrix.rows)
    func keeps(_ row: FaultRow) async throws {
        let report = try await row.run(seed: Self.seed)
        print("\(row.id) took \(report.seconds) s with \(report.images) images, \(report.faults)")
        #expect(report.violations.map(\.description) == [], "seed \(Self.seed)")
    }
}
