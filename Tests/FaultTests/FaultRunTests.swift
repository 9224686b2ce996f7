import FaultHarness
import ImportModel
import RedisClient
import Testing

/// What a run makes of what it was told.
@Suite struct FaultRunTests {
    /// The promises that break when so many tasks were running again after a second, and so many after three.
    private func broken(inTime: Int, late: Int) async throws -> [Promise] {
        let row = FaultRow("F0", "none", passes: "two seconds are kept", least: [:]) { run in
            for _ in 0..<inTime { run.recovered(after: .seconds(1), bound: .seconds(2)) }
            for _ in 0..<late { run.recovered(after: .seconds(3), bound: .seconds(2)) }
        }
        return try await row.run(seed: 1).violations.map(\.promise)
    }

    @Test("a recovery in a hundred may be late, and of fewer all")
    func recovery() async throws {
        #expect(try await broken(inTime: 198, late: 2) == [])
        #expect(try await broken(inTime: 197, late: 3) == [.recovery])
        #expect(try await broken(inTime: 0, late: 100) == [.recovery])
        #expect(try await broken(inTime: 0, late: 99) == [])
    }

    @Test("a row that has done too few faults of a kind was not carried through")
    func least() async throws {
        let row = FaultRow("F0", "kills", passes: "two are done", least: [.kill: 2]) { $0.count(.kill, $0.scale) }
        #expect(try await row.run(seed: 1).violations.map(\.promise) == [.carriedThrough])
        #expect(try await row.run(seed: 1, scale: 2).violations.isEmpty)
    }

    @Test("a fault of an image alone, which names no task, is seen; any other event without one is wrong")
    func events() throws {
        let image = ImageID.random()
        func problems(_ type: String) throws -> [Promise] {
            let fields = ["type", type, "task", "", "image", image.rawValue, "detail", "S1 detail"]
            let entry = RedisValue.array([
                .string(Array("1-0".utf8)), .array(fields.map { .string(Array($0.utf8)) }),
            ])
            let event = try #require(EventTrace.event(entry))
            return HistoryEvents().problems([event], facts: []).map(\.promise)
        }
        #expect(try problems("fault") == [.consistent])
        #expect(try problems("created") == [.consistent])
    }
}
