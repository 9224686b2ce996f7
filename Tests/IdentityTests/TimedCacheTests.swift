@testable import Identity
import Testing

@Suite struct TimedCacheTests {
    @Test func `A value is there until its time is over`() {
        var cache = TimedCache<Int, String>(capacity: 4)
        let now = ContinuousClock.now
        cache.insert("a", for: 1, until: now + .seconds(10))
        #expect(cache.value(for: 1, at: now) == "a")
        #expect(cache.value(for: 1, at: now + .seconds(9)) == "a")
        #expect(cache.value(for: 1, at: now + .seconds(10)) == nil)
        #expect(cache.value(for: 2, at: now) == nil)
    }

    @Test func `There are never more than its capacity, and who was first goes first`() {
        var cache = TimedCache<Int, Int>(capacity: 100)
        let now = ContinuousClock.now
        for key in 0..<10_000 {
            cache.insert(key, for: key, until: now + .seconds(10))
            #expect(cache.count <= 100)
        }
        #expect((9_900..<10_000).allSatisfy { cache.value(for: $0, at: now) == $0 })
        #expect(cache.value(for: 9_899, at: now) == nil)
    }

    @Test func `A value that is replaced does not go when its forerunner would`() {
        var cache = TimedCache<Int, Int>(capacity: 3)
        let now = ContinuousClock.now
        for key in [1, 2, 1, 3, 4] { cache.insert(key, for: key, until: now + .seconds(10)) }
        #expect(cache.value(for: 2, at: now) == nil)
        #expect([1, 3, 4].allSatisfy { cache.value(for: $0, at: now) != nil })
        for _ in 0..<1000 { cache.insert(1, for: 1, until: now + .seconds(10)) }
        #expect(cache.count == 1)
    }
}
