import NIOCore
import NIOHTTP1

/// One connection after the other, by which chunk after chunk is fetched.
struct ReadAheadLine {
    let visit: SourceVisit
    let validators: SourceValidators
    private var answer: SourceAnswer?
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator?
    private var breaks = 0

    init(visit: SourceVisit, validators: SourceValidators) {
        self.visit = visit
        self.validators = validators
    }

    /// Fetches a range, handing on its bytes as they come.
    ///
    /// - Returns: whether all came and the line is good for more.
    mutating func fetch(_ range: ClosedRange<Int64>, _ take: (ByteBuffer) -> Void) async -> Bool {
        var next = range.lowerBound
        while next <= range.upperBound {
            guard await open(next...range.upperBound) else { return false }
            // An error is told by whoever fetches this in the end.
            while next <= range.upperBound, let bytes = try? await inbound?.next(isolation: #isolation) {
                let count = min(Int64(bytes.readableBytes), range.upperBound + 1 - next)
                next += count
                take(bytes.getSlice(at: bytes.readerIndex, length: Int(count)) ?? bytes)
            }
            if next > range.upperBound { break }
            await close()
            breaks += 1
            guard breaks <= visit.limits.carryOns, !Task.isCancelled else { return false }
        }
        if let answer, !answer.head.isKeepAlive { await close() }
        return true
    }

    private mutating func open(_ range: ClosedRange<Int64>) async -> Bool {
        do {
            let request = try SourceRequest(range, of: validators, keepsConnection: true)
            if let kept = answer {
                answer = nil
                answer = try await visit.answer(to: request, on: kept)
                if answer != nil { return true }
            }
            let fresh = try await visit.answer(to: request)
            guard case .offset = fresh.start else {
                await visit.close(fresh.connection)
                return false
            }
            answer = fresh
            inbound = fresh.connection.inbound.makeAsyncIterator()
            return true
        } catch {
            return false
        }
    }

    mutating func close() async {
        if let answer { await visit.close(answer.connection) }
        answer = nil
        inbound = nil
    }
}
