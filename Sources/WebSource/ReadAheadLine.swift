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
                if let next = try await visit.answer(to: request, on: kept) {
                    return await isMeasured(next)
                }
            }
            let fresh = try await visit.answer(to: request)
            guard case .offset = fresh.start else {
                await visit.close(fresh.connection)
                return false
            }
            guard await isMeasured(fresh) else { return false }
            inbound = fresh.connection.inbound.makeAsyncIterator()
            return true
        } catch {
            return false
        }
    }

    /// Takes an answer that says how long it is, which the range is: where it ends of another kind, in chunks, what is too
    /// short would be waited for, and what is too long would be taken for the next one's beginning.
    private mutating func isMeasured(_ next: SourceAnswer) async -> Bool {
        let headers = next.head.headers
        guard headers.contains(name: "content-length"), !headers.contains(name: "transfer-encoding") else {
            await visit.close(next.connection)
            (answer, inbound) = (nil, nil)
            return false
        }
        answer = next
        return true
    }

    mutating func close() async {
        if let answer { await visit.close(answer.connection) }
        answer = nil
        inbound = nil
    }
}
