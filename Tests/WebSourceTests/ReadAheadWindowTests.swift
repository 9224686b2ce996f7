import NIOCore
import Testing

@testable import WebSource

@Suite struct ReadAheadWindowTests {
    private let limits = ReadAheadLimits.tiny

    private func bytes(_ range: ClosedRange<Int64>) -> ByteBuffer {
        ByteBuffer(bytes: range.map { UInt8(truncatingIfNeeded: $0 / 7) })
    }

    @Test func `chunks are claimed in order, as many as the window holds, up to the end`() {
        var window = ReadAheadWindow(limits: limits, from: 1000, to: 15_476)
        var claimed: [ClosedRange<Int64>] = []
        while let range = window.claimNew() { claimed.append(range) }
        #expect(claimed == [1000...3047, 3048...5095, 5096...7143, 7144...9191, 9192...11239])
        // Nothing that has only arrived makes room.
        for range in claimed.dropFirst() { window.add(bytes(range), to: range.upperBound + 1) }
        let tooEarly = window.claimNew()
        #expect(tooEarly == nil)
        window.add(bytes(claimed[0]), to: claimed[0].upperBound + 1)
        let first = window.take()
        #expect(first?.readableBytes == 2048)
        let sixth = [window.claimNew(), window.claimNew()]
        #expect(sixth == [11240...13287, nil])
        while window.take() != nil {}
        let last = [window.claimNew(), window.claimNew(), window.claimNew()]
        #expect(last == [13288...15335, 15336...15475, nil])
        #expect(window.unclaimed == window.end)
    }

    @Test func `bytes are given out in order, in whatever order and pieces they come`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<50 {
            var window = ReadAheadWindow(limits: limits, from: 0, to: 100_000)
            var open: [(next: Int64, end: Int64)] = []
            var taken: [UInt8] = []
            while taken.count < 100_000 {
                while let range = window.claimNew() { open.append((range.lowerBound, range.upperBound + 1)) }
                if let index = open.indices.randomElement(using: &random) {
                    let last = min(open[index].end, open[index].next + Int64.random(in: 1...3000, using: &random)) - 1
                    window.add(bytes(open[index].next...last), to: open[index].end)
                    open[index].next = last + 1
                    if open[index].next == open[index].end { open.remove(at: index) }
                }
                if Bool.random(using: &random), let block = window.take() { taken += block.readableBytesView }
            }
            #expect(taken == Array(bytes(0...99_999).readableBytesView))
            let behind = window.take()
            #expect(behind == nil && window.chunks.isEmpty)
        }
    }

    @Test func `what a line leaves undone is claimed by another, from where it stands`() throws {
        var window = ReadAheadWindow(limits: limits, from: 0, to: 100_000)
        let claimed = window.claimNew()
        let range = try #require(claimed)
        _ = window.claimNew()
        let held = window.claimLeft()
        #expect(held == nil)
        window.add(bytes(0...999), to: range.upperBound + 1)
        window.release(range.upperBound + 1)
        let left = [window.claimLeft(), window.claimLeft()]
        #expect(left == [1000...2047, nil])
        window.add(bytes(1000...2047), to: range.upperBound + 1)
        window.release(range.upperBound + 1)
        let complete = window.claimLeft()
        #expect(complete == nil)
    }
}

extension ReadAheadLimits {
    /// Chunks of 2 KiB in a window of five.
    static var tiny: ReadAheadLimits {
        var limits = ReadAheadLimits(connections: 4)
        limits.largeChunkBytes = 2048
        limits.windowBytes = 5 * 2048
        limits.leastBytes = 4096
        limits.interval = .milliseconds(20)
        limits.patience = .seconds(60)
        return limits
    }
}
