import DiskImage
import Foundation
package import ImageStorage
package import ImportModel
package import NIOCore
package import NIOPosix

/// One pass over the bytes of an image: **source → inspection, digests ∥ stores**.
///
/// What arrives is gathered into blocks of 1 MiB. Every digest and every store is a lane that takes the blocks, in
/// order and at its own pace, from a queue of at most two; the source is read on when the slowest lane has room. So a
/// slow store slows the source (and one that stands still for longer than `patience` has failed), and nothing is held
/// but
///
///     blocks of an import ≤ queue (2) + in the slowest lane's hand (1) + waiting to be queued (1) = 4 MiB
///
/// whatever the size of the image and the number of stores, since the lanes share the blocks. What the source itself
/// buffers (less than 1 MiB for `WebSource`, and 7 MiB where it reads by several connections) comes on top.
///
/// With `decompression` one more queue of two blocks stands between the source and that, see
/// `ImportPipeline+Decompression.swift`.
///
/// The inspector looks at each block as it passes, which costs next to nothing behind the first ones.
/// Digests run on `threads`, stores on their own. Nothing is committed before the digests are known and compared.
/// However a run ends but well, every writer is abandoned and nothing is deleted.
package struct ImportPipeline: Sendable {
    package static let blockBytes = 1 << 20
    static let queueDepth = 2

    let targets: [any ObjectTarget]
    let key: ObjectKey
    let mustAll: Bool
    let isSecured: Bool
    let patience: StorePatience
    var expected: ExpectedDigest?
    /// How to take checkpoints, if at all; and the one to go on from.
    var checkpoints: CheckpointPlan?
    var start: StreamCheckpoint?
    let maxBytes: Int64
    let declared: DeclaredFormat?
    let allowsEmpty: Bool
    let decompression: DecompressionLimits?
    let threads: NIOThreadPool
    let gate: any WriteGate
    var progress: @Sendable (Int64) -> Void
    var onCommit: @Sendable (StoreID) async throws -> Void = { _ in }

    /// - Parameters:
    ///   - targets: where the bytes go; with none, the run only computes and compares digests.
    ///   - mustAll: whether one store that fails ends the run; otherwise it ends when the last one fails.
    ///   - isSecured: whether another store has the bytes already: then no store at all may be left at the end.
    ///   - patience: how long a store is waited for.
    ///   - expected: the digest that the bytes must have as they are received, compressed or not.
    ///   - maxBytes: more than that is refused, before decompressing and after.
    ///   - declared: what the bytes must be, and be safe as; `nil` finds out and judges nothing.
    ///   - allowsEmpty: whether an image may have no bytes at all.
    ///   - decompression: if bytes in a compressed format are to be decompressed, within these limits.
    ///   - threads: running; for digests and decompression. Two threads keep MD5 and SHA-512 side by side.
    ///   - gate: asked before each create, block and commit.
    ///   - progress: told the bytes taken from the source so far, whenever some arrive; and again, when nothing but
    ///     decompressed bytes move.
    ///   - onCommit: called for each store that has the object, as soon as it has; an error ends the run.
    package init(
        targets: [any ObjectTarget], key: ObjectKey, mustAll: Bool = true, isSecured: Bool = false,
        patience: StorePatience, expected: ExpectedDigest? = nil, maxBytes: Int64 = .max,
        declared: DeclaredFormat? = nil, allowsEmpty: Bool = true,
        decompression: DecompressionLimits? = nil, threads: NIOThreadPool, gate: any WriteGate,
        progress: @escaping @Sendable (Int64) -> Void = { _ in },
        onCommit: @escaping @Sendable (StoreID) async throws -> Void = { _ in }
    ) {
        self.targets = targets
        self.key = key
        self.mustAll = mustAll
        self.isSecured = isSecured
        self.patience = patience
        self.expected = expected
        self.maxBytes = maxBytes
        self.declared = declared
        self.allowsEmpty = allowsEmpty
        self.decompression = decompression
        self.threads = threads
        self.gate = gate
        self.progress = progress
        self.onCommit = onCommit
    }

    /// Runs the pass to its end.
    ///
    /// - Parameters:
    ///   - expectedBytes: the size that the source announced; any other is an error.
    ///   - description: what to keep beside the objects, made once size and digests are known.
    /// - Throws: `PipelineError`; `CannotContinue`; the source's and the gate's errors unchanged; `CancellationError`.
    package func run<Source: AsyncSequence & Sendable>(
        _ source: Source, expectedBytes: Int64?,
        description: @escaping @Sendable (_ sizeBytes: Int64, _ digests: ContentDigests) -> ObjectDescription
    ) async throws -> ImportedContent where Source.Element == ByteBuffer {
        if let expectedBytes, expectedBytes > maxBytes { throw PipelineError.tooLarge(limit: maxBytes) }
        // A checkpoint is of bytes that are stored as they are received.
        if let decompression, start == nil {
            return try await decompress(
                source, expectedBytes: expectedBytes, limits: decompression, description: description)
        }
        return try await store(expectedBytes: expectedBytes, description: description) { take in
            try await receive(source, expectedBytes: expectedBytes, take)
        }
    }

    /// The same run, behind what a checkpoint says: its source has to begin there. Another one is taken now and then.
    package func checkpointed(by plan: CheckpointPlan, from start: StreamCheckpoint?) -> ImportPipeline {
        var pipeline = self
        pipeline.checkpoints = plan
        pipeline.start = start
        return pipeline
    }

    /// Every digest that is taken.
    var algorithms: Set<DigestAlgorithm> { Set([.md5, .sha512] + (expected.map { [$0.algorithm] } ?? [])) }

    /// Hands blocks on, one after the other, and returns the number of their bytes.
    typealias Supply = @Sendable (_ take: (ByteBuffer) async throws -> Void) async throws -> Int64

    /// Brings what `supply` has into the stores, with digests and an accepting verdict.
    func store(
        expectedBytes: Int64?, description: @escaping @Sendable (Int64, ContentDigests) -> ObjectDescription,
        _ supply: @escaping Supply
    ) async throws -> ImportedContent {
        let stores = StoreWriters(
            targets: targets, key: key, mustAll: mustAll, isSecured: isSecured, gate: gate, patience: patience,
            onCommit: onCommit)
        do {
            if let start {
                guard start.suits(algorithms, Set(targets.map(\.id))) else {
                    throw CannotContinue(description: "the checkpoint is of another version, or of other stores")
                }
                try await stores.resume(from: start, algorithms, expectedBytes: expectedBytes) {
                    progress(start.offset)
                }
            } else {
                try await stores.open(expectedBytes: expectedBytes)
            }
            let received = try await stream(supply, into: stores, expectedBytes: expectedBytes)
            try compare(received)
            let inspected = try judge(received.inspection)
            try await stores.commit(description(received.sizeBytes, received.digests))
            return ImportedContent(
                sizeBytes: received.sizeBytes, digests: received.digests,
                locations: stores.locations, failedStores: stores.failures.mapValues(\.description),
                inspected: inspected)
        } catch {
            await stores.abandon()
            throw error
        }
    }

    /// Nothing is committed that is not what it is declared to be, or that is dangerous.
    private func judge(_ inspection: Inspection) throws -> InspectedFormat {
        let finding = String(decoding: try JSONEncoder().encode(inspection), as: UTF8.self)
        var inspected = InspectedFormat(verdict: inspection.recorded, finding: finding)
        guard let declared else { return inspected }
        inspected.virtualSizeBytes = try declared.judge(inspection)
        inspected.finding = ""
        return inspected
    }

    private func compare(_ received: Received) throws {
        guard let expected, let actual = received.hex[expected.algorithm] else { return }
        try compare(expected.algorithm, actual)
    }

    func compare(_ algorithm: DigestAlgorithm, _ actual: String) throws {
        guard let expected, actual != expected.hex else { return }
        throw PipelineError.digestMismatch(expected: expected, actual: "\(algorithm.rawValue):\(actual)")
    }
}

/// What came from a source.
struct Received: Sendable {
    var sizeBytes: Int64 = 0
    var hex: [DigestAlgorithm: String] = [:]
    var inspection = DiskImageInspector().finish()

    var digests: ContentDigests { ContentDigests(md5: hex[.md5] ?? "", sha512: hex[.sha512] ?? "") }
}
