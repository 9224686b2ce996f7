import Foundation
import ImageConversion
import ImageStorage
import ImportModel
import ImportPipeline
import LeaseStore
import NIOCore
import Publisher
import WebSource

/// The bytes' way of one attempt: from its source, through the pipeline, into its stores.
struct Transfer: Sendable {
    let claim: Claim
    let keeper: LeaseKeeper
    let continuation: Continuation
    let runner: AttemptRunner
    let settlement: Settlement

    /// A fault of the request or of this worker that the transfer itself finds.
    enum Fault: Error, CustomStringConvertible {
        /// Stays so, whoever tries.
        case rejected(String)
        /// This worker cannot; another may.
        case worker(String)
        /// Another attempt may find it otherwise: it reads from another store first.
        case damaged(String)
        /// Perhaps only since two halves were put together; whoever reads it in one go knows.
        case spliced(String)

        var description: String {
            switch self {
            case .rejected(let reason), .worker(let reason), .damaged(let reason), .spliced(let reason): reason
            }
        }
    }

    var request: ImportRequest { claim.task.request }
    private var declared: DeclaredFormat {
        DeclaredFormat(
            disk: claim.image.diskFormat ?? "", container: claim.image.containerFormat ?? "",
            mustMatch: runner.limits.mustMatchFormat || runner.converter != nil)
    }
    /// An archive, a kernel or a ramdisk is compressed because it shall be.
    private var decompression: DecompressionLimits? {
        let isMeantToBe =
            claim.image.containerFormat == "compressed" || ["aki", "ari"].contains(claim.image.diskFormat)
        return isMeantToBe ? nil : runner.limits.decompression
    }
    var key: ObjectKey { ObjectKey(image: claim.task.image, nonce: claim.nonce) }

    func run() async throws -> ImportedContent {
        switch request.method {
        case .webDownload: try await download()
        case .glanceDirect: try await importStaged()
        case .copyImage: try await copy()
        case nil: throw Fault.rejected("the task names no import method; import the image again")
        }
    }

    private func download() async throws -> ImportedContent {
        guard let uri = request.uri else { throw Fault.rejected("the task names no source; import the image again") }
        keeper.note(phase: .connecting)
        let targets = try storages(request.stores)
        // Before the image: where the publisher's word is not to be had, not a byte of it is fetched.
        var published: PublishedChecksums?
        if let publisher = request.publisher {
            published = try await PublishedChecksums(of: publisher, from: runner.source, signatures: runner.signatures)
        }
        var start = try await continuation.start(of: claim)
        while true {
            do {
                return try await download(uri, into: targets, published, from: start)
            } catch let error as CannotContinue where start != nil {
                if error.isBegun { throw Fault.spliced(error.description) }
                try await continuation.beginAnew(because: error.description)
                start = nil
            }
        }
    }

    /// - Parameter start: the place of an attempt before this one, to go on from if the source still is the same.
    private func download(
        _ uri: String, into targets: [any ImageStorage], _ published: PublishedChecksums?,
        from start: AttemptCheckpoint?
    ) async throws -> ImportedContent {
        let began = Date()
        let scratch = try await makeScratch()
        let received = try await runner.source.withSource(uri, from: scratch == nil ? start?.position : nil) { source in
            keeper.note(bytesTotal: source.contentLength)
            let expected = try published?.file.digest(of: [uri, source.url]) ?? request.checksum
            guard source.tellsItsEnd || expected != nil else {
                throw Fault.rejected(
                    "\(source.url): the answer has neither a length nor chunks, so that a whole image cannot be told "
                        + "from a part of one; give the image's checksum, or serve it with Content-Length")
            }
            if case .anew(let reason) = source.start { try await continuation.beginAnew(because: reason) }
            var pipeline = pipeline(into: scratch.map { [$0] } ?? targets, expected: expected, allowsEmpty: false)
            var isContinued = false
            if scratch == nil, let plan = continuation.plan(for: source) {
                if case .offset = source.start, let start {
                    isContinued = true
                    continuation.goOn(from: start)
                }
                pipeline = pipeline.checkpointed(by: plan, from: isContinued ? start?.stream : nil)
            }
            var content: ImportedContent
            do {
                content = try await pipeline.run(
                    source.body, expectedBytes: source.contentLength, description: describe)
            } catch let error as PipelineError where isContinued && error.isVerdict {
                throw Fault.spliced("\(error) (after a continuation, which is no verdict)")
            }
            content.provenance = Provenance(
                source.origin, sizeBytes: content.received?.sizeBytes ?? content.sizeBytes, since: began,
                checksum: expected,
                publisher: request.publisher, signers: published?.signers ?? [])
            return content
        }
        var content = try await convert(scratch, received, into: targets)
        content.provenance?.received = content.received?.digest
        return content
    }

    /// Staged bytes become the image's own where they already are in a store that was asked for; other stores get a
    /// copy.
    private func importStaged() async throws -> ImportedContent {
        guard let stage = claim.image.stage, let stagedKey = ObjectKey(stage.key) else {
            throw Fault.rejected("the image has no staged data; upload it to /v2/images/\(claim.image.id)/stage again")
        }
        let storage = try await storage(holding: stagedKey, of: stage)
        let scratch = try await makeScratch()
        let isCompressed = try await isToBeDecompressed(stagedKey, of: stage, in: storage)
        if isCompressed || scratch != nil {
            return try await rewrite(stagedKey, of: stage, in: storage, scratch)
        }
        let targets = try storages(request.stores.filter { $0 != stage.store })
        let isAdopted = request.stores.contains(stage.store)
        // Judged by what was found on its way in, now that its formats are known.
        let inspected = try declared.judge(finding: stage.inspection)
        var content = ImportedContent(
            sizeBytes: stage.sizeBytes, digests: stage.digests, locations: [:],
            inspected: inspected ?? InspectedFormat(verdict: nil))
        if try mustReadAgain(stage) || !targets.isEmpty || inspected == nil {
            let body = try await storage.read(stagedKey, range: nil)
            content = try await pipeline(into: targets, isSecured: isAdopted, expected: request.checksum).run(
                body, expectedBytes: stage.sizeBytes, description: describe)
            guard content.digests == stage.digests else {
                throw Fault.rejected("the staged data is not what was uploaded; upload it again")
            }
        }
        if isAdopted { content.locations[stage.store] = stage.key }
        try await keeper.pass()
        return content
    }

    private func storage(holding key: ObjectKey, of stage: StagedObject) async throws -> any ImageStorage {
        guard let storage = runner.storages[stage.store] else { throw unreachable(stage.store) }
        guard let size = try await storage.size(key) else {
            // A store that is coming up may say so for a moment, of what it has.
            throw Fault.damaged("the staged data is not in store '\(stage.store)'; if it stays so, upload it again")
        }
        guard size == stage.sizeBytes else {
            throw Fault.rejected("the staged data in store '\(stage.store)' has another size; upload it again")
        }
        return storage
    }

    private func isToBeDecompressed(
        _ key: ObjectKey, of stage: StagedObject, in storage: any ImageStorage
    ) async throws -> Bool {
        guard decompression != nil, stage.sizeBytes > 0 else { return false }
        var start = ByteBuffer()
        let range = 0..<min(stage.sizeBytes, Int64(CompressedFormat.markBytes))
        for try await piece in try await storage.read(key, range: range) { start.writeImmutableBuffer(piece) }
        return CompressedFormat(startOf: start) != nil
    }

    /// Nothing is adopted: what is decompressed or converted is another object, in the staging store too. Data may be
    /// staged as empty, but what decompresses to nothing is as broken here as in a download.
    private func rewrite(
        _ key: ObjectKey, of stage: StagedObject, in storage: any ImageStorage, _ scratch: ScratchTarget?
    ) async throws -> ImportedContent {
        // Either digest is one of the bytes as they were uploaded.
        let mustCompare = try mustReadAgain(stage)
        let uploaded = try ExpectedDigest(parsing: "sha512:\(stage.digests.sha512)")
        do {
            let targets = try storages(request.stores)
            let received = try await pipeline(
                into: scratch.map { [$0] } ?? targets, expected: mustCompare ? request.checksum : uploaded,
                allowsEmpty: stage.sizeBytes == 0
            ).run(try await storage.read(key, range: nil), expectedBytes: stage.sizeBytes, description: describe)
            return try await convert(scratch, received, into: targets)
        } catch PipelineError.digestMismatch(expected: uploaded, _) {
            throw Fault.rejected("the staged data is not what was uploaded; upload it again")
        }
    }

    /// The digests of staged data are known; only another algorithm needs the bytes again.
    private func mustReadAgain(_ stage: StagedObject) throws -> Bool {
        guard let expected = request.checksum else { return false }
        let known: String
        switch expected.algorithm {
        case .md5: known = stage.digests.md5
        case .sha512: known = stage.digests.sha512
        case .sha256: return true
        }
        guard known == expected.hex else {
            throw PipelineError.digestMismatch(expected: expected, actual: "\(expected.algorithm.rawValue):\(known)")
        }
        return false
    }

    /// - Parameter result: what the bytes are to be, if they are the result of a conversion.
    func pipeline(
        into targets: [any ObjectTarget], isSecured: Bool = false, expected: ExpectedDigest?, allowsEmpty: Bool = true,
        as result: DeclaredFormat? = nil
    ) -> ImportPipeline {
        keeper.note(phase: .streaming)
        let keeper = keeper
        return ImportPipeline(
            targets: targets, key: key, mustAll: request.allStoresMustSucceed, isSecured: isSecured,
            patience: patience, expected: expected,
            maxBytes: targets.first is ScratchTarget ? maxBytesToConvert : runner.limits.maxBytes,
            declared: result ?? declared, allowsEmpty: allowsEmpty,
            decompression: result == nil ? decompression : nil, threads: runner.threads, gate: keeper,
            progress: { keeper.note(bytesDone: $0) })
    }

    var patience: StorePatience {
        StorePatience(stall: runner.limits.stall, mustAll: request.allStoresMustSucceed) { [settlement, claim] _ in
            await settlement.nameLate(claim)
        }
    }

    @Sendable func describe(_ sizeBytes: Int64, _ digests: ContentDigests) -> ObjectDescription {
        keeper.note(phase: .committing)
        return ObjectDescription(
            image: claim.image.id, name: claim.image.name, owner: claim.image.owner,
            diskFormat: claim.image.diskFormat, containerFormat: claim.image.containerFormat, sizeBytes: sizeBytes,
            digests: digests)
    }

    func storages(_ ids: [StoreID]) throws -> [any ImageStorage] {
        try ids.map { id in
            guard let storage = runner.storages[id] else { throw unreachable(id) }
            // Where others are enough, it is left out as any store that fails.
            guard !storage.isReadOnly || !request.allStoresMustSucceed else {
                throw Fault.rejected("store '\(id)' is read-only by now; import into another one")
            }
            return storage
        }
    }

    private func unreachable(_ store: StoreID) -> Fault {
        .worker("this worker has no store '\(store)'; add it to its configuration, or start a worker that has it")
    }
}
