/// Asks for the rest of a body whose connection broke: a bounded number of times, with longer and longer pauses.
struct CarryOn {
    let limits: SourceLimits
    private var tries = 0
    private var lastOffset: Int64 = 0

    init(limits: SourceLimits) { self.limits = limits }

    /// What has to come between two breaks so that they are not of one row.
    static let progressBytes: Int64 = 16 << 20

    /// - Parameters:
    ///   - broken: how reading ended; `nil` if that was as it should.
    ///   - request: for the rest.
    /// - Throws: `SourceError`; `CancellationError`.
    mutating func on(
        _ visit: SourceVisit, at offset: Int64, with request: SourceRequest, after broken: SourceError?,
        _ faults: SourceFaults
    ) async throws -> SourceAnswer {
        if offset - lastOffset >= Self.progressBytes { tries = 0 }
        lastOffset = offset
        var last: SourceError?
        while tries < limits.carryOns {
            if broken != nil || last != nil {
                tries += 1
                try await Task.sleep(for: max(pause(before: tries), last?.retryAfter ?? .zero))
            }
            do {
                let answer = try await visit.answer(to: request)
                guard case .anew(let reason) = answer.start else { return answer }
                await visit.close(answer.connection)
                throw RangeAnswer.Mismatch(reason: reason)
            } catch let mismatch as RangeAnswer.Mismatch {
                throw faults.notCarriedOn(broken ?? faults.partly(offset), mismatch)
            } catch let failure as SourceError {
                guard case .transient = failure, (failure.retryAfter ?? .zero) <= .seconds(30) else { throw failure }
                last = failure
            }
        }
        throw faults.notCarriedOn(broken ?? faults.partly(offset), tries: tries, last: last)
    }

    private func pause(before number: Int) -> Duration {
        limits.carryOnPause * Double(1 << min(number - 1, 4)) * Double.random(in: 0.5...1)
    }
}
