import Foundation
import ImageStorage
import ImportModel
import NIOCore
import NIOPosix

/// An object in the making: a multipart upload, or bytes in memory where one request will do.
///
/// An upload of unknown length begins in `create`, so that the store knows of it, and `delete` ends it. An object that
/// is known to fit into one part leaves no trace before the one request of `commit` that makes it.
actor S3Writer: ObjectWriter {
    private let key: ObjectKey
    private let store: StoreID
    private let objects: S3Objects
    private let traits: S3Traits
    private let threads: NIOThreadPool
    private let plan: PartPlan
    private let budget: PartBudget
    private let parallelParts: Int
    private var publication: S3Publication
    nonisolated let handedKey: ObjectKey?
    nonisolated let checkpointUnit: Int64?
    /// Whether the upload was begun with the promise of checksums, so that each part has to have one in the end.
    private let declaresChecksums: Bool

    private var upload: String?
    private var part = Part()
    private var sending: [Task<Result<S3Objects.PartTag, StorageError>, Never>] = []
    private var sent: [S3Objects.PartTag] = []
    private var written: Int64 = 0
    private var isOpen = true
    private var isAbandoned = false

    /// Bytes that become one part: the unit of retry.
    private struct Part: Sendable {
        var blocks: [ByteBuffer] = []
        var bytes: Int64 = 0
        /// At which it is full; 0 for a part that has not begun.
        var size: Int64 = 0
        var room: PartBudget.Room?

        var isFull: Bool { size > 0 && bytes == size }
    }

    init(
        key: ObjectKey, expectedBytes: Int64?, plan: PartPlan, in storage: S3Storage
    ) async throws(StorageError) {
        self.key = key
        store = storage.id
        objects = storage.objects
        traits = storage.traits
        threads = storage.threads
        budget = storage.budget
        parallelParts = max(storage.configuration.parallelParts, 1)
        self.plan = plan
        publication = S3Publication(
            objects: storage.objects, store: storage.id, key: key, writer: Nonce.mint().rawValue)
        let fitsOneRequest = expectedBytes.map { $0 <= plan.leastBytes } ?? false
        handedKey = nil
        checkpointUnit = fitsOneRequest || traits.continuation == nil ? nil : plan.evenBytes
        declaresChecksums = traits.checksums && (checkpointUnit == nil || traits.continuation == .withChecksums)
        if !fitsOneRequest { try await beginUpload() }
    }

    /// Goes on with somebody's upload, behind the parts that have these tags.
    init(
        going key: ObjectKey, on begun: S3Unfinished, with tags: [S3Objects.PartTag], plan: PartPlan, isHanded: Bool,
        in storage: S3Storage
    ) {
        self.key = key
        store = storage.id
        objects = storage.objects
        traits = storage.traits
        threads = storage.threads
        budget = storage.budget
        parallelParts = max(storage.configuration.parallelParts, 1)
        self.plan = plan
        publication = S3Publication(
            objects: storage.objects, store: storage.id, key: key, writer: begun.writer, isShared: true,
            isHanded: isHanded)
        handedKey = isHanded ? key : nil
        checkpointUnit = begun.partBytes
        declaresChecksums = begun.declaresChecksums
        upload = begun.upload
        sent = tags
        written = begun.partBytes * Int64(begun.parts)
    }

    /// Waits for the parts that are on their way; what is written meanwhile goes on.
    func checkpoint(at offset: Int64) async throws(StorageError) -> UnfinishedObject? {
        guard isOpen, let upload, let size = plan.evenBytes, offset > 0, offset % size == 0 else { return nil }
        let count = Int(offset / size)
        var tags = Array(sent.prefix(count))
        for task in sending.prefix(count - tags.count) {
            // Its failure is told by whoever takes its tag.
            guard case .success(let tag) = await task.value else { return nil }
            tags.append(tag)
        }
        guard tags.count == count, S3Imprint(of: tags, sizeBytes: offset, .tag).tag != nil else { return nil }
        publication.isShared = true
        let unfinished = S3Unfinished(
            upload: upload, writer: publication.writer, partBytes: size, declaresChecksums: declaresChecksums,
            tags: tags)
        return unfinished.note.map { UnfinishedObject(key: key.description, note: $0) }
    }

    func write(_ block: ByteBuffer) async throws(StorageError) {
        guard isOpen else { throw closed }
        var rest = block
        while rest.readableBytes > 0 {
            if part.isFull { try await sendPart() }
            if part.size == 0 { part = try await newPart() }
            let count = min(Int(clamping: part.size - part.bytes), rest.readableBytes)
            guard let slice = rest.readSlice(length: count) else { break }
            part.blocks.append(slice)
            part.bytes += Int64(count)
            written += Int64(count)
        }
        // Where one request may do, the last part waits for the commit.
        if upload != nil, part.isFull { try await sendPart() }
    }

    func commit(_ description: ObjectDescription) async throws(StorageError) {
        guard isOpen else { throw closed }
        isOpen = false
        guard description.sizeBytes == written else {
            throw .unavailable(
                store, reason: "\(written) bytes of \(key) were written and \(description.sizeBytes) announced")
        }
        let name = objects.client.location.name(of: key)
        guard let upload else {
            let payload = try await payload(of: part)
            part = Part()
            try await publication.describe(description, checksum: traits.checksums)
            let imprint = S3Imprint(of: payload, traits.putProof)
            return try await publication.publish(imprint, isGuarded: traits.conditionalPut) {
                [objects, traits, publication] () throws(S3CallFailure) in
                try await objects.put(
                    name, payload, writer: publication.writer, ifAbsent: traits.conditionalPut,
                    checksum: traits.checksums)
            }
        }
        // An upload has one part at least, if need be an empty one.
        if part.bytes > 0 || nextNumber == 1 { try await sendPart() }
        while !sending.isEmpty { try await receiveTag() }
        try await publication.describe(description, checksum: traits.checksums)
        // No checksum is shown of what was not begun with the promise of one.
        let hasNone = !declaresChecksums && traits.completeProof == .checksum
        let proof = publication.isShared || hasNone ? S3Proof.tag : traits.completeProof
        let imprint = S3Imprint(of: sent, sizeBytes: written, proof)
        try await publication.publish(imprint, isGuarded: traits.conditionalComplete) {
            [objects, traits, sent, declaresChecksums] () throws(S3CallFailure) in
            try await objects.complete(
                upload, name, declaresChecksums ? sent : sent.map(\.withoutChecksum),
                ifAbsent: traits.conditionalComplete)
        }
    }

    func abandon() async {
        isOpen = false
        isAbandoned = true
        part = Part()
        let tasks = sending
        sending = []
        for task in tasks { task.cancel() }
        // Nothing of this writer is on its way any more when giving up has returned.
        for task in tasks { _ = await task.value }
    }

    private var nextNumber: Int { sent.count + sending.count + 1 }

    /// A part of the size that is due, or of what there is room for.
    ///
    /// The only part in memory has the least size free, and is charged for more. One beside others is charged in full,
    /// and waits for them if there is no room.
    private func newPart() async throws(StorageError) -> Part {
        while !sending.isEmpty {
            let bytes = plan.bytes(ofPart: nextNumber, after: written)
            if sending.count < parallelParts, let room = budget.take(upTo: bytes, atLeast: plan.leastBytes) {
                return Part(size: room.bytes, room: room)
            }
            try await receiveTag()
        }
        let more = plan.bytes(ofPart: nextNumber, after: written) - plan.leastBytes
        let room = budget.take(upTo: more, atLeast: 0)
        return Part(size: plan.leastBytes + (room?.bytes ?? 0), room: room)
    }

    private func sendPart() async throws(StorageError) {
        let number = nextNumber
        guard number <= plan.maxParts else {
            throw .unavailable(
                store,
                reason:
                    "\(key) needs more than \(plan.maxParts) parts: it is longer than was announced, or there was no "
                    + "memory for parts that are large enough; set a larger part-size or parts-memory")
        }
        if upload == nil { try await beginUpload() }
        guard !isAbandoned, let upload else { throw closed }
        let part = part
        self.part = Part()
        let name = objects.client.location.name(of: key)
        // Parts are sent while the next is filled, between the calls of a writer that has no scope of its own: the
        // tasks are kept, awaited by `commit` and ended by `abandon`.
        sending.append(
            Task { [objects, traits, store, threads] in
                defer { withExtendedLifetime(part.room) {} }
                do {
                    let payload = try await threads.runIfActive {
                        S3Payload(hashing: part.blocks, withMD5: traits.completeProof == .tag)
                    }
                    return .success(
                        try await objects.uploadPart(number, of: upload, name, payload, checksum: traits.checksums))
                } catch let failure as S3CallFailure {
                    return .failure(failure.fault(of: store))
                } catch {
                    return .failure(.unavailable(store, reason: "part \(number) was given up"))
                }
            })
    }

    /// Waits for the part that was sent first. Its failure is the writer's.
    private func receiveTag() async throws(StorageError) {
        guard let task = sending.first else { return }
        let result = await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
        guard !isAbandoned else { throw closed }
        sending.removeFirst()
        do throws(StorageError) { sent.append(try result.get()) } catch {
            isOpen = false
            throw error
        }
    }

    private func beginUpload() async throws(StorageError) {
        do throws(S3CallFailure) {
            upload = try await objects.createUpload(
                objects.client.location.name(of: key), writer: publication.writer, checksums: declaresChecksums)
        } catch {
            throw error.fault(of: store)
        }
    }

    private func payload(of part: Part) async throws(StorageError) -> S3Payload {
        do {
            return try await threads.runIfActive { [traits] in
                S3Payload(hashing: part.blocks, withMD5: traits.putProof == .tag)
            }
        } catch {
            throw .unavailable(store, reason: "writing \(key) was given up")
        }
    }

    private var closed: StorageError {
        .unavailable(store, reason: "writing \(key) was given up or has ended")
    }
}
