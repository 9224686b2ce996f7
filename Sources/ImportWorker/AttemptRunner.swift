package import ImageConversion
package import ImageStorage
package import ImportModel
package import ImportPipeline
package import LeaseStore
package import Logging
package import NIOPosix
package import Publisher
package import WebSource

/// One attempt, from the claim to the outcome's being written.
package struct AttemptRunner: Sendable {
    package struct Limits: Sendable {
        package var retry = RetryPolicy()
        /// How long an attempt may move no bytes.
        package var stall: Duration = .seconds(120)
        package var maxBytes: Int64 = 1 << 40
        /// Whether bytes of another format than the declared one are refused.
        package var mustMatchFormat = true
        /// Where an image is read first to be copied.
        package var order = ReadingOrder()
        /// If compressed images are decompressed, within these limits.
        package var decompression: DecompressionLimits?
        /// How many bytes lie between two checkpoints of an import; 0 takes none.
        package var checkpointBytes: Int64 = 16 << 20

        package init() {}
    }

    let store: LeaseStore
    let beats: LeaseStore
    let storages: [StoreID: any ImageStorage]
    let source: WebSource
    let signatures: SignatureVerifier
    let converter: ImageConverter?
    let threads: NIOThreadPool
    let limits: Limits
    let logger: Logger

    /// - Parameters:
    ///   - beats: the same catalog, on connections that carry nothing but heartbeats.
    ///   - signatures: by the keyrings that imports may name.
    ///   - converter: of images in other formats than its own, where they are converted.
    ///   - threads: running; for digests.
    package init(
        store: LeaseStore, beats: LeaseStore, storages: [any ImageStorage], source: WebSource,
        signatures: SignatureVerifier = SignatureVerifier(keyrings: [:]), converter: ImageConverter? = nil,
        threads: NIOThreadPool, limits: Limits, logger: Logger
    ) {
        self.store = store
        self.beats = beats
        self.storages = Dictionary(storages.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.source = source
        self.signatures = signatures
        self.converter = converter
        self.threads = threads
        self.limits = limits
        self.logger = logger
    }

    /// Runs an attempt to its end. Never throws: whatever happens is an outcome, and every outcome is written.
    ///
    /// - Parameters:
    ///   - heldSince: when the claim was sent.
    ///   - drain: when it is given, the attempt is interrupted and its task given back.
    func run(_ claim: Claim, heldSince: ContinuousClock.Instant, drain: OneShot<Void>) async -> Outcome {
        var logger = logger
        logger[metadataKey: "task"] = "\(claim.task.id)"
        logger[metadataKey: "image"] = "\(claim.task.image)"
        logger[metadataKey: "attempt"] = "\(claim.task.attempt)"
        // Each attempt is a step of its own.
        if let trace = claim.task.request.trace {
            logger[metadataKey: "trace"] = "\(trace.trace)"
            logger[metadataKey: "parent"] = "\(trace.span)"
            logger[metadataKey: "span"] = "\(trace.next().span)"
        }
        logger.info("attempt begins")
        let keeper = LeaseKeeper(
            store: beats, attempt: AttemptID(task: claim.task.id, nonce: claim.nonce),
            beatSeq: claim.task.beatSeq, heldSince: heldSince, bytesTotal: claim.image.stage?.sizeBytes,
            logger: logger)
        let continuation = Continuation(
            store: store, keeper: keeper, everyBytes: limits.checkpointBytes, logger: logger)
        let settlement = Settlement(
            store: store, attempt: keeper.attempt, retry: limits.retry, drain: drain, logger: logger)
        let transfer = Transfer(
            claim: claim, keeper: keeper, continuation: continuation, runner: self, settlement: settlement)
        return await keeper.keep {
            let outcome = await outcome(of: transfer, keeper, drain, settlement)
            // A task of its own, since what is known has to be written, or refused, also where this one is cancelled.
            return await Task { await settlement.write(outcome, of: claim) }.value
        }
    }

    /// The first of: the transfer's end, the lease's loss, a stall, the drain.
    private func outcome(
        of transfer: Transfer, _ keeper: LeaseKeeper, _ drain: OneShot<Void>, _ settlement: Settlement
    ) async -> Outcome {
        let (ended, givenUp) = (OneShot<Outcome?>(), OneShot<Void>())
        // Not a child: a system call on a store that hangs cannot be cancelled, and must hold up nobody. Whatever it
        // still writes goes to this attempt's own object, which nothing will ever name.
        let running = Task {
            do {
                ended.fulfil(.succeeded(try await transfer.run()))
            } catch {
                ended.fulfil(Outcome(error, from: transfer))
            }
            // Nobody waited; the object may have been swept already when the store still made it.
            // In a task of its own, since this one has been cancelled.
            if givenUp.peek != nil { await Task { await settlement.nameLate(transfer.claim) }.value }
        }
        defer { running.cancel() }
        return await withTaskGroup(of: Outcome?.self) { group in
            group.addTask { (try? await ended.wait()) ?? nil }
            // A watcher that is cancelled, because another one was first, has nothing to say.
            group.addTask { (try? await keeper.lost()).map { .leaseLost($0) } }
            group.addTask {
                guard (try? await drain.wait()) != nil else { return nil }
                await transfer.continuation.keepOnce()
                return .interrupted
            }
            let stall = limits.stall
            group.addTask {
                (try? await StallWatch(limit: stall).wait(for: keeper)).map { .retry(reason: $0, after: nil) }
            }
            var first: Outcome?
            for await outcome in group where first == nil && outcome != nil {
                first = outcome
                group.cancelAll()
            }
            if ended.peek == nil { givenUp.fulfil(()) }
            return first ?? .interrupted
        }
    }
}
