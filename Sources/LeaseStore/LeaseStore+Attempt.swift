package import ImportModel
import RedisClient

/// A claimed task, and its image as it was at that moment.
package struct Claim: Sendable {
    package var task: TaskRecord
    package var image: ImageRecord
    package var nonce: Nonce
    /// Where an attempt before this one was.
    package var checkpoint: KeptCheckpoint?
}

package enum ClaimReply: Sendable {
    case task(Claim)
    /// Nothing to do; the next attempt that waits is due after this.
    case empty(nextDue: Duration?)
    /// The queue is paused.
    case paused
    /// The attempt that this nonce was given has ended.
    case over
}

/// A heartbeat's content.
package struct Beat: Hashable, Sendable {
    package var phase: TaskPhase
    package var message: String
    package var bytesDone: Int64
    package var bytesTotal: Int64?

    package init(phase: TaskPhase, message: String, bytesDone: Int64, bytesTotal: Int64?) {
        self.phase = phase
        self.message = message
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
    }
}

/// Who makes a call: the task and the nonce that is its authority.
package struct AttemptID: Hashable, Sendable {
    package var task: TaskID
    package var nonce: Nonce

    package init(task: TaskID, nonce: Nonce) {
        self.task = task
        self.nonce = nonce
    }
}

package enum PublishReply: Hashable, Sendable {
    case published
    case lost(LostLease)
    /// The image no longer exists.
    case gone
    /// What was imported is not what the image's record speaks of now.
    case changed(what: String)
}

package enum LocateReply: Hashable, Sendable {
    case located
    case lost(LostLease)
    /// The image no longer exists.
    case gone
    /// The image is not what was copied, or the store has it by now.
    case changed(what: String)
}

package enum FailReply: Hashable, Sendable {
    /// The task waits for another attempt.
    case requeued
    /// The task has failed for good.
    case ended
    case lost(LostLease)
}

extension LeaseStore {
    /// Asks for the next task; `nonce` has been minted for this claim alone.
    package func claim(nonce: Nonce, process: ProcessID, stores: [StoreID]) async throws -> ClaimReply {
        Failpoint.reach(.claimSent)
        let reply = try await call(
            Scripts.importClaim,
            [
                nonce.rawValue, process.rawValue, stores.map(\.rawValue).joined(separator: ","),
                settings.lease.argument,
            ])
        switch reply.word {
        case "task":
            Failpoint.reach(.claimAnswered)
            let hash = try reply.hash(1)
            guard let id = TaskID(rawValue: try reply.string(0)), let task = try TaskRecord(id: id, hash: hash),
                let image = try ImageRecord(id: task.image, hash: try reply.hash(2), lock: id.rawValue)
            else { throw reply.malformed("a task that cannot be read") }
            let kept = KeptCheckpoint(value: try reply.optionalString(4), hash: hash)
            return .task(Claim(task: task, image: image, nonce: nonce, checkpoint: kept))
        case "empty":
            let now = max(0, try reply.int(1))
            let due = try reply.optionalString(0).flatMap { Double($0) }.flatMap { Int64(exactly: $0.rounded(.down)) }
            return .empty(nextDue: due.map { .milliseconds(max(0, max(0, $0) - now)) })
        case "paused": return .paused
        case "over": return .over
        default: throw reply.unknown
        }
    }

    /// Sends a heartbeat; `number` grows with each one of an attempt.
    /// - Returns: why the lease is lost, or `nil` while it is held.
    package func beat(_ attempt: AttemptID, number: Int64, _ beat: Beat) async throws -> LostLease? {
        Failpoint.reach(.beatSent)
        let reply = try await call(
            Scripts.importBeat,
            [
                attempt.task.rawValue, attempt.nonce.rawValue, Int(number), beat.phase.rawValue, beat.message,
                Int(beat.bytesDone), beat.bytesTotal.map(String.init) ?? "", settings.beat.argument,
            ])
        Failpoint.reach(.beatAnswered)
        switch reply.word {
        case "ok": return nil
        case "lost": return try reply.lostLease()
        default: throw reply.unknown
        }
    }

    /// Makes what an attempt wrote the image's bytes; durable once it returns.
    ///
    /// - Parameters:
    ///   - diskFormat: of the image when it was claimed; what `content` was converted to, if it was, becomes the image's.
    package func publish(
        _ attempt: AttemptID, _ content: ImportedContent, diskFormat: String?, containerFormat: String?,
        message: String
    ) async throws -> PublishReply {
        var arguments: [any RedisArgument] = [
            attempt.task.rawValue, attempt.nonce.rawValue, Int(content.sizeBytes), content.digests.md5,
            content.digests.sha512, diskFormat ?? "", containerFormat ?? "", message,
            content.failedStores.keys.sorted().map(\.rawValue).joined(separator: ","),
            try json(content.inspected.verdict),
            content.inspected.virtualSizeBytes.map(String.init) ?? "", content.inspected.finding,
            try json(content.provenance),
            content.convertedTo ?? "",
        ]
        for (store, key) in content.locations.sorted(by: { $0.key < $1.key }) {
            arguments.append(store.rawValue)
            arguments.append(key)
        }
        Failpoint.reach(.publishSent)
        let reply = try await call(Scripts.importPublish, arguments, isDurable: true)
        Failpoint.reach(.publishAnswered)
        switch reply.word {
        case "published": return .published
        case "lost": return .lost(try reply.lostLease())
        case "gone": return .gone
        case "changed": return .changed(what: try reply.string(0))
        default: throw reply.unknown
        }
    }

    /// Makes an object, committed under this attempt's nonce, the bytes of its active image in one more store.
    package func locate(
        _ attempt: AttemptID, in store: StoreID, sizeBytes: Int64, _ digests: ContentDigests
    ) async throws -> LocateReply {
        Failpoint.reach(.locateSent)
        let reply = try await call(
            Scripts.importLocate,
            [
                attempt.task.rawValue, attempt.nonce.rawValue, store.rawValue, Int(sizeBytes), digests.md5,
                digests.sha512,
            ])
        Failpoint.reach(.locateAnswered)
        switch reply.word {
        case "located": return .located
        case "lost": return .lost(try reply.lostLease())
        case "gone": return .gone
        case "changed": return .changed(what: try reply.string(0))
        default: throw reply.unknown
        }
    }

    /// How a failed attempt is to be taken.
    package enum Failure: Hashable, Sendable {
        case retry(after: Duration)
        case reject
        /// Not held against the task; tried again after a short wait.
        case workerFault(retryAfter: Duration)
    }

    /// Ends an attempt that failed; durable once it returns.
    package func fail(_ attempt: AttemptID, _ failure: Failure, reason: String) async throws -> FailReply {
        let (how, delay): (String, Duration) =
            switch failure {
            case .retry(let after): ("retry", after)
            case .reject: ("reject", .zero)
            case .workerFault(let after): ("worker-fault", after)
            }
        Failpoint.reach(.failSent)
        let reply = try await call(
            Scripts.importFail, [attempt.task.rawValue, attempt.nonce.rawValue, how, reason, delay.argument],
            isDurable: true)
        Failpoint.reach(.failAnswered)
        return try failReply(reply)
    }

    /// Gives a task back unharmed (drain); durable once it returns.
    package func release(_ attempt: AttemptID) async throws -> FailReply {
        Failpoint.reach(.releaseSent)
        let reply = try await call(
            Scripts.importRelease, [attempt.task.rawValue, attempt.nonce.rawValue], isDurable: true)
        Failpoint.reach(.releaseAnswered)
        return try failReply(reply)
    }

    private func failReply(_ reply: Reply) throws -> FailReply {
        switch reply.word {
        case "requeued", "released": .requeued
        case "ended": .ended
        case "lost": .lost(try reply.lostLease())
        default: throw reply.unknown
        }
    }

    /// Waits until there may be something to claim, at most for `limit`; only ever an optimisation.
    package func waitForWork(atMost limit: Duration) async throws {
        let seconds = max(0.05, Double(limit.wholeMilliseconds) / 1000)
        do {
            try await redis.sendBlocking(
                RedisCommand("BLPOP", keys.wake, String(seconds)), timeout: limit + .seconds(10))
        } catch let error as RedisError {
            throw LeaseStoreError(error)
        }
    }

    private func json(_ document: (some Encodable)?) throws -> String {
        try document.map { String(decoding: try FleetJSON.encode($0), as: UTF8.self) } ?? ""
    }
}
