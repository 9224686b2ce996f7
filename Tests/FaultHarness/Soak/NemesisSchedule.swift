/// What a nemesis does, and when: drawn from a seed before anything runs, so that the same seed has the same schedule.
package struct NemesisSchedule: Hashable, Sendable, CustomStringConvertible {
    package enum Act: Hashable, Sendable {
        case killWorker(Int)
        case freezeWorker(Int, milliseconds: Int)
        /// Asked to end, as a rolling restart does.
        case drainWorker(Int)
        case killAPI
        case freezeAPI(Int, milliseconds: Int)
        case killRedis
        case freezeRedis(milliseconds: Int)
    }

    package struct Entry: Hashable, Sendable {
        /// From the beginning.
        package let milliseconds: Int
        package let act: Act
    }

    package let entries: [Entry]

    /// A kill and a freeze of a worker in each second, and now and then one of the rest.
    ///
    /// - Parameters:
    ///   - workers: the first of them is never killed, so that its memory can be watched.
    ///   - lease: in milliseconds; workers are frozen for up to two of them, what serves others for less.
    package init(_ random: SeededRandom, seconds: Int, workers: Int, lease: Int) {
        var random = random
        var entries: [Entry] = []
        for second in 0..<seconds {
            func add(_ act: Act) {
                entries.append(Entry(milliseconds: second * 1000 + Int.random(in: 0..<1000, using: &random), act: act))
            }
            add(.killWorker(Int.random(in: 1..<workers, using: &random)))
            // Some for less than the beats that may be missed, some for longer than a lease.
            let freeze = random.pick([lease / 4, lease / 2, lease, lease * 5 / 4, lease * 2])
            add(.freezeWorker(Int.random(in: 0..<workers, using: &random), milliseconds: freeze))
            if random.happens(12) { add(.drainWorker(Int.random(in: 1..<workers, using: &random))) }
            if random.happens(12) { add(.killAPI) }
            if random.happens(12) {
                let api = Int.random(in: 0...1, using: &random)
                add(.freezeAPI(api, milliseconds: Int.random(in: 50...lease, using: &random)))
            }
            if random.happens(4) { add(.killRedis) }
            if random.happens(4) { add(.freezeRedis(milliseconds: Int.random(in: 50...lease, using: &random))) }
        }
        self.entries = entries.sorted { $0.milliseconds < $1.milliseconds }
    }

    package var description: String { beginning(entries.count) }

    /// The first of its acts, a line each.
    package func beginning(_ count: Int) -> String {
        entries.prefix(count).map { "\($0.milliseconds) ms: \($0.act)" }.joined(separator: "\n")
    }
}
