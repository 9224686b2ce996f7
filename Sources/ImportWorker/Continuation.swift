import ImportModel
import ImportPipeline
import LeaseStore
import Logging
import WebSource

/// How an attempt goes on where another one was, and leaves its own place to the next.
final class Continuation: Sendable {
    /// How long a draining worker waits for one more checkpoint.
    private static let drainPatience: Duration = .seconds(1)
    /// How long Redis is asked to forget one. Who begins anew does not depend on it.
    private static let patience: Duration = .seconds(10)

    private let store: LeaseStore
    private let keeper: LeaseKeeper
    private let everyBytes: Int64
    private let logger: Logger
    /// When checkpoints are taken at all; when one is wanted at once; when that has been kept.
    private let (begun, wanted, kept) = (OneShot<Void>(), OneShot<Void>(), OneShot<Void>())

    init(store: LeaseStore, keeper: LeaseKeeper, everyBytes: Int64, logger: Logger) {
        self.store = store
        self.keeper = keeper
        self.everyBytes = everyBytes
        self.logger = logger
    }

    /// The place to go on from; `nil` to begin at the beginning.
    func start(of claim: Claim) async throws -> AttemptCheckpoint? {
        guard everyBytes > 0, let found = claim.checkpoint else { return nil }
        if let checkpoint = AttemptCheckpoint(found) { return checkpoint }
        try await beginAnew(because: "the checkpoint of the last attempt cannot be read by this version")
        return nil
    }

    func goOn(from checkpoint: AttemptCheckpoint) {
        keeper.note(remark: "continued from \(checkpoint.stream.offset >> 20) MiB")
        logger.info("goes on where the last attempt was", metadata: ["offset": "\(checkpoint.stream.offset)"])
    }

    /// Forgets what the last attempt left, and says so.
    /// - Throws: `LostLease`; `CancellationError`.
    func beginAnew(because reason: String) async throws {
        keeper.note(remark: "begun anew: \(reason)")
        logger.notice("begins anew", metadata: ["reason": "\(reason)"])
        do {
            let lost = try await LeaseStore.insist(for: Self.patience) {
                try await store.forgetCheckpoint(of: keeper.attempt, because: reason)
            }
            if let lost { throw lost }
        } catch let error as LeaseStoreError {
            logger.warning("the old checkpoint is still there", metadata: ["reason": "\(error)"])
        }
    }

    /// The plan for a source; `nil` where it could not be asked for its rest.
    func plan(for source: OpenedSource) -> CheckpointPlan? {
        guard everyBytes > 0, source.validators.allowResuming else { return nil }
        begun.fulfil()
        return CheckpointPlan(everyBytes: everyBytes) { [wanted] in
            wanted.peek != nil
        } keep: { [self, validators = source.validators, place = source.url] stream in
            let isWanted = wanted.peek != nil
            guard let checkpoint = try AttemptCheckpoint(validators: validators, place: place, stream: stream).kept
            else { return }
            do {
                if let lost = try await store.keep(checkpoint, of: keeper.attempt) { throw lost }
                if isWanted { kept.fulfil() }
            } catch let error as LeaseStoreError {
                // The one before is as good, only older.
                logger.debug("a checkpoint could not be kept", metadata: ["reason": "\(error)"])
            }
        }
    }

    /// Asks for one more checkpoint, and waits a moment for it.
    func keepOnce() async {
        guard begun.peek != nil else { return }
        wanted.fulfil()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [kept] in _ = try? await kept.wait() }
            group.addTask { try? await Task.sleep(for: Self.drainPatience) }
            await group.next()
            group.cancelAll()
        }
    }
}
