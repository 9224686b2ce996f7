import ImportModel
import LeaseStore
import Logging

/// Writes an attempt's outcome: the one place where an outcome becomes a state of the task.
struct Settlement: Sendable {
    /// How long the same call is made again before the outcome is left to the recoverer.
    private static let patience: Duration = .seconds(3600)
    /// The same for a worker that is being drained.
    private static let drainPatience: Duration = .seconds(10)
    /// A worker that is itself at fault gives others the time to take over.
    private static let faultPause: Duration = .seconds(5)

    let store: LeaseStore
    let attempt: AttemptID
    let retry: RetryPolicy
    let drain: OneShot<Void>
    let logger: Logger

    /// Returns what has become of the attempt: `outcome`, or `leaseLost` where Redis refused it.
    func write(_ outcome: Outcome, of claim: Claim) async -> Outcome {
        do {
            switch outcome {
            case .succeeded(let content):
                return try await publish(content, of: claim)
            case .retry(let reason, let after):
                logger.warning("attempt failed", metadata: ["reason": "\(reason)"])
                let delay = after.map { min($0, retry.cap) } ?? retry.delay(afterFailures: claim.task.spent)
                return try await settled(outcome, of: claim, try await fail(.retry(after: delay), reason))
            case .rejected(let reason):
                logger.warning("import rejected", metadata: ["reason": "\(reason)"])
                return try await settled(outcome, of: claim, try await fail(.reject, reason))
            case .workerFault(let reason):
                logger.error("this worker is at fault", metadata: ["reason": "\(reason)"])
                return try await settled(
                    outcome, of: claim, try await fail(.workerFault(retryAfter: Self.faultPause), reason))
            case .startOver(let reason):
                logger.warning("has to begin anew", metadata: ["reason": "\(reason)"])
                let lost = try await insist { try await store.forgetCheckpoint(of: attempt, because: reason) }
                if let lost { return try await lose(lost, of: claim) }
                return try await settled(
                    outcome, of: claim, try await fail(.workerFault(retryAfter: .zero), reason))
            case .interrupted:
                logger.info("attempt given back")
                return try await settled(outcome, of: claim, try await insist { try await store.release(attempt) })
            case .leaseLost(let lost):
                return try await lose(lost, of: claim)
            }
        } catch {
            logger.error(
                "the outcome could not be written; the task will be recovered", metadata: ["reason": "\(error)"])
            return outcome
        }
    }

    private func publish(_ content: ImportedContent, of claim: Claim) async throws -> Outcome {
        let reply = try await insist {
            try await store.publish(
                attempt, content, diskFormat: claim.image.diskFormat, containerFormat: claim.image.containerFormat,
                message: LeaseKeeper.progressMessage(content.sizeBytes))
        }
        switch reply {
        case .published:
            logger.info("published", metadata: ["bytes": "\(content.sizeBytes)"])
            return .succeeded(content)
        case .lost(let lost):
            return try await lose(lost, of: claim)
        case .gone:
            return try await lose(LostLease(why: .gone), of: claim)
        case .changed(let what):
            let outcome = Outcome.retry(reason: "the image changed while it was imported (\(what))", after: .zero)
            return await write(outcome, of: claim)
        }
    }

    /// Somebody else decides now. What this attempt may have written is named, so that the sweeper finds it.
    private func lose(_ lost: LostLease, of claim: Claim) async throws -> Outcome {
        logger.warning("lease lost: \(lost)")
        try await name(claim)
        return .leaseLost(lost)
    }

    /// The transfer of an attempt that was given up has come to its end. What it wrote since is named once more; what
    /// is lost with this process is left to a listing of the store.
    func nameLate(_ claim: Claim) async {
        do { try await name(claim) } catch {
            logger.warning("what was written late could not be named", metadata: ["reason": "\(error)"])
        }
    }

    private func name(_ claim: Claim) async throws {
        let key = ObjectKey(image: claim.task.image, nonce: attempt.nonce).description
        // Of what was handed over, somebody may still have it in his checkpoint: then it is left alone.
        let handed = (claim.checkpoint?.objects ?? [:]).map { (store: $0.key, key: $0.value) }
        try await insist {
            try await store.nameGarbage(claim.task.request.stores.map { ($0, key) } + handed)
        }
    }

    private func insist<Answer>(_ call: () async throws -> Answer) async throws -> Answer {
        let start = ContinuousClock.now
        while true {
            do {
                return try await LeaseStore.insist(for: .seconds(2), call)
            } catch let error as LeaseStoreError where error.isTransient {
                let patience = drain.peek == nil ? Self.patience : Self.drainPatience
                guard ContinuousClock.now - start < patience else { throw error }
            }
        }
    }

    private func fail(_ failure: LeaseStore.Failure, _ reason: String) async throws -> FailReply {
        try await insist { try await store.fail(attempt, failure, reason: reason) }
    }

    private func settled(_ outcome: Outcome, of claim: Claim, _ reply: FailReply) async throws -> Outcome {
        guard case .lost(let lost) = reply else { return outcome }
        return try await lose(lost, of: claim)
    }
}
