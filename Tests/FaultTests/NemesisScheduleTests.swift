import FaultHarness
import Testing

@Suite struct NemesisScheduleTests {
    private func schedule(seed: UInt64) -> NemesisSchedule {
        NemesisSchedule(SeededRandom(seed: seed, for: "F18 nemesis"), seconds: 60, workers: 5, lease: 1500)
    }

    @Test("the same seed gives the same schedule of faults, and another seed another one")
    func replayed() {
        #expect(schedule(seed: 7) == schedule(seed: 7))
        #expect(schedule(seed: 7).description == schedule(seed: 7).description)
        #expect(schedule(seed: 7) != schedule(seed: 8))
    }

    @Test("a schedule has a kill and a freeze in each second, and spares the worker that is watched")
    func dense() {
        let entries = schedule(seed: 7).entries
        #expect(entries.map(\.milliseconds) == entries.map(\.milliseconds).sorted())
        for second in 0..<60 {
            let acts = entries.filter { $0.milliseconds / 1000 == second }.map(\.act)
            #expect(acts.contains { if case .killWorker = $0 { true } else { false } })
            #expect(acts.contains { if case .freezeWorker = $0 { true } else { false } })
        }
        #expect(!entries.contains { $0.act == .killWorker(0) || $0.act == .drainWorker(0) })
    }
}
