package import ImageStorage
package import ImportModel
import ImportPipeline
package import LeaseStore
package import Logging
package import NIOCore
package import NIOPosix

/// An upload or a staging, carried out by an API process under the same lease as an import.
///
/// Its bytes cannot be asked for again, so an attempt that fails or dies ends its task; nothing of it stays.
package struct UploadAttempt: Sendable {
    package enum Result: Sendable {
        case published(ImportedContent)
        /// The lock was not to be had, or the image does not admit it.
        case refused(CreateReply)
        case lost(LostLease)
        /// The error of the source, the pipeline or a store.
        case failed(any Error)
    }

    let store: LeaseStore
    let beats: LeaseStore
    let process: ProcessID
    let threads: NIOThreadPool
    let maxBytes: Int64
    let stall: Duration
    let mustMatchFormat: Bool
    let logger: Logger

    /// - Parameter stall: how long the store may stand still.
    package init(
        store: LeaseStore, beats: LeaseStore, process: ProcessID, threads: NIOThreadPool, maxBytes: Int64,
        stall: Duration = .seconds(120), mustMatchFormat: Bool = true, logger: Logger
    ) {
        self.store = store
        self.beats = beats
        self.process = process
        self.threads = threads
        self.maxBytes = maxBytes
        self.stall = stall
        self.mustMatchFormat = mustMatchFormat
        self.logger = logger
    }

    /// - Parameter expectedBytes: the size that the client announced.
    /// - Throws: `LeaseStoreError` where the lock could not be asked for.
    package func run<Body: AsyncSequence & Sendable>(
        _ kind: TaskKind, of image: ImageRecord, _ task: NewTask, into storage: any ImageStorage, body: Body,
        expectedBytes: Int64?
    ) async throws -> Result where Body.Element == ByteBuffer {
        let nonce = Nonce.mint()
        let sent = ContinuousClock.now
        let opened = try await LeaseStore.insist(for: .seconds(5)) {
            try await store.openUpload(task, kind: kind, nonce: nonce, process: process)
        }
        guard case .created = opened else { return .refused(opened) }
        var logger = logger
        logger[metadataKey: "task"] = "\(task.id)"
        logger[metadataKey: "image"] = "\(image.id)"
        let keeper = LeaseKeeper(
            store: beats, attempt: AttemptID(task: task.id, nonce: nonce), beatSeq: 1, heldSince: sent,
            bytesTotal: expectedBytes, logger: logger)
        keeper.note(phase: .streaming)
        return await keeper.keep {
            let declared =
                kind == .stage
                ? nil
                : DeclaredFormat(
                    disk: image.diskFormat ?? "", container: image.containerFormat ?? "", mustMatch: mustMatchFormat)
            let result = await transfer(
                image, ObjectKey(image: image.id, nonce: nonce), storage, body, expectedBytes, declared,
                keeper)
            // A task of its own: a client that goes away cancels the request, and the outcome has to be written then too.
            return await Task { [logger] in
                await settle(result, image, storage.id, keeper.attempt, logger)
            }.value
        }
    }

    private func transfer<Body: AsyncSequence & Sendable>(
        _ image: ImageRecord, _ key: ObjectKey, _ storage: any ImageStorage, _ body: Body, _ expectedBytes: Int64?,
        _ declared: DeclaredFormat?, _ keeper: LeaseKeeper
    ) async -> Result where Body.Element == ByteBuffer {
        await withTaskGroup(of: Result?.self) { group in
            group.addTask {
                // A client that stands still is the server's to end.
                let patience = StorePatience(stall: stall, mustAll: true) { await name(key, in: $0) }
                let pipeline = ImportPipeline(
                    targets: [storage], key: key, patience: patience, maxBytes: maxBytes, declared: declared,
                    threads: threads, gate: keeper,
                    progress: { keeper.note(bytesDone: $0) })
                do {
                    return .published(
                        try await pipeline.run(body, expectedBytes: expectedBytes) { sizeBytes, digests in
                            keeper.note(phase: .committing)
                            return ObjectDescription(
                                image: image.id, name: image.name, owner: image.owner, diskFormat: image.diskFormat,
                                containerFormat: image.containerFormat, sizeBytes: sizeBytes, digests: digests)
                        })
                } catch let lost as LostLease {
                    return .lost(lost)
                } catch {
                    return .failed(error)
                }
            }
            // Cancelled when the transfer was first, and then has nothing to say.
            group.addTask { (try? await keeper.lost()).map { .lost($0) } }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? .failed(CancellationError())
        }
    }

    private func settle(
        _ result: Result, _ image: ImageRecord, _ storeID: StoreID, _ attempt: AttemptID, _ logger: Logger
    ) async -> Result {
        do {
            switch result {
            case .published(let content):
                let reply = try await LeaseStore.insist(for: .seconds(60)) {
                    try await store.publish(
                        attempt, content, diskFormat: image.diskFormat, containerFormat: image.containerFormat,
                        message: LeaseKeeper.progressMessage(content.sizeBytes))
                }
                switch reply {
                case .published: return result
                case .lost(let lost): return await lose(lost, image, storeID, attempt, logger)
                case .gone: return await lose(LostLease(why: .gone), image, storeID, attempt, logger)
                case .changed(let what):
                    let reason = "the image changed while its data was uploaded (\(what)); upload it again"
                    return await settle(.failed(InvalidValue(reason)), image, storeID, attempt, logger)
                }
            case .failed(let error):
                let reason = error is CancellationError ? "the client went away" : "\(error)"
                logger.warning("upload failed", metadata: ["reason": "\(reason)"])
                // Refused for what it is, or broken off: nobody tries an upload again, but the task tells which.
                let isRefused =
                    switch error {
                    case PipelineError.tooLarge, PipelineError.tooLong, PipelineError.refusedFormat: true
                    default: false
                    }
                let reply = try await LeaseStore.insist(for: .seconds(60)) {
                    try await store.fail(attempt, isRefused ? .reject : .retry(after: .zero), reason: reason)
                }
                if case .lost(let lost) = reply { _ = await lose(lost, image, storeID, attempt, logger) }
                return result
            case .lost(let lost):
                return await lose(lost, image, storeID, attempt, logger)
            case .refused:
                return result
            }
        } catch {
            logger.error("an upload's outcome could not be written", metadata: ["reason": "\(error)"])
            return .failed(error)
        }
    }

    private func lose(
        _ lost: LostLease, _ image: ImageRecord, _ storeID: StoreID, _ attempt: AttemptID, _ logger: Logger
    ) async -> Result {
        logger.warning("lease lost: \(lost)")
        await name(ObjectKey(image: image.id, nonce: attempt.nonce), in: storeID)
        return .lost(lost)
    }

    /// Names what this attempt may have written, or may have written since it was named.
    private func name(_ key: ObjectKey, in storeID: StoreID) async {
        do {
            try await LeaseStore.insist(for: .seconds(60)) { try await store.nameGarbage([(storeID, "\(key)")]) }
        } catch {
            logger.warning("the audit of the store will find what is left", metadata: ["key": "\(key)"])
        }
    }
}
