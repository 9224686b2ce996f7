import Testing

@testable import WebSource

@Suite struct TempoTests {
    private let start = ContinuousClock.now
    private func tempo(connections: Int = 4) -> Tempo {
        Tempo(limits: ReadAheadLimits(connections: connections), since: start)
    }

    /// Notes `count` bytes in each of `seconds`, a tenth of it at a time, with so much of the time waited.
    private func note(
        _ tempo: inout Tempo, from second: Int, to end: Int, _ count: Int, waited share: Double, hasOthers: Bool
    ) -> [Tempo.Advice] {
        (second * 10..<end * 10).map { tenth in
            tempo.note(
                count / 10, waited: .milliseconds(100) * share, at: start + .milliseconds(100 * (tenth + 1)),
                hasOthers: hasOthers)
        }.filter { $0 != .goOn }
    }

    @Test func `further connections are asked for once, by whoever waits for most of a second`() {
        var tempo = tempo()
        let busy = note(&tempo, from: 0, to: 5, 1_000_000, waited: 0.4, hasOthers: false)
        #expect(busy == [])
        let waiting = note(&tempo, from: 5, to: 9, 1_000_000, waited: 0.9, hasOthers: false)
        #expect(waiting == [.open(lead: 2_000_000)])
    }

    @Test func `one connection stays one`() {
        var tempo = tempo(connections: 1)
        let told = note(&tempo, from: 0, to: 9, 1_000_000, waited: 1, hasOthers: false)
        #expect(told == [])
    }

    @Test func `connections that bring no more than one did are given up`() {
        for (count, share, advice) in [
            (1_150_000, 0.9, [.stop]), (900_000, 0.9, [.stop]), (1_250_000, 0.9, []), (900_000, 0.1, []),
        ] as [(Int, Double, [Tempo.Advice])] {
            var tempo = tempo()
            let alone = note(&tempo, from: 0, to: 1, 1_000_000, waited: 1, hasOthers: false)
            #expect(alone == [.open(lead: 2_000_000)])
            // While they are opened, and in the second in which they begin, nothing is judged.
            let opening = note(&tempo, from: 1, to: 4, 0, waited: 1, hasOthers: false)
            #expect(opening == [])
            let beginning = note(&tempo, from: 4, to: 5, 0, waited: 1, hasOthers: true)
            #expect(beginning == [])
            let judged = note(&tempo, from: 5, to: 9, count, waited: share, hasOthers: true)
            #expect(judged == advice)
        }
    }
}
