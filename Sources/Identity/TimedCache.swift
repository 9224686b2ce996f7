/// So many values at most, each for some time. Who comes first goes first: what is looked up often comes back soon.
struct TimedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let value: Value
        let until: ContinuousClock.Instant
        let number: UInt64
    }

    private let capacity: Int
    private var entries: [Key: Entry] = [:]
    /// In the order of insertion, also of those that have been replaced; what lies before `first` is gone.
    private var order: [(key: Key, number: UInt64)] = []
    private var first = 0
    private var number: UInt64 = 0

    init(capacity: Int) { self.capacity = capacity }

    func value(for key: Key, at now: ContinuousClock.Instant) -> Value? {
        entries[key].flatMap { $0.until > now ? $0.value : nil }
    }

    mutating func insert(_ value: Value, for key: Key, until: ContinuousClock.Instant) {
        number += 1
        entries[key] = Entry(value: value, until: until, number: number)
        order.append((key, number))
        while order.count - first > capacity {
            let oldest = order[first]
            if entries[oldest.key]?.number == oldest.number { entries[oldest.key] = nil }
            first += 1
        }
        if first > capacity {
            order.removeFirst(first)
            first = 0
        }
    }

    var count: Int { entries.count }
}
