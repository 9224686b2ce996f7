/// Asks for the rest of a body whose connection broke: a bounded number of times, with longer and longer pauses.
struct CarryOn {
    let limits: SourceLimits
    private var tries = 0
    private var lastOffset: Int64 = 0

    init(limits: SourceLimits) { self.limits = limits }

    /// - Parameters:
    ///   - broken: how reading ended; `nil` if that was as it should.
    ///   - request: for the rest.
    /// - Throws: `SourceError`; `CancellationError`.
    mutating func on(
        _ visit: SourceVisit, at offset: Int64, with request: SourceRequest, after broken: SourceError?,
        _ faults: SourceFaults
    ) async throws -> SourceAnswer {
        if offset - lastOffset >= limits.carryOnProgress { tries = 0 }
        lastOffset = offset
        var last: SourceError?
        while tries < limits.carryOns {
            if broken != nil || last != nil {
                let pause = max(pause(before: tries + 1), last?.retryAfter ?? .zero)
                guard ContinuousClock.now + pause < visit.deadline else {
                    let broken = broken ?? faults.partly(offset)
                    throw last == nil ? broken : faults.notCarriedOn(broken, tries: tries, last: last)
                }
                tries += 1
                try await Task.sleep(for: pause)
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
