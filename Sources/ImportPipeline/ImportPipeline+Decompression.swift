import ImageStorage
import ImportModel
import NIOCore
import NIOPosix
import Synchronization

extension ImportPipeline {
    /// **source → as received: sizes, checksum → decompression → inspection, digests ∥ stores**.
    ///
    /// One task reads the source and answers for the bytes as they come; another one takes them from a queue, and
    /// decompresses them if their beginning says so. The queue ends only when all that was received is as it should be,
    /// and nothing is committed before the queue's end.
    func decompress<Source: AsyncSequence & Sendable>(
        _ source: Source, expectedBytes: Int64?, limits: DecompressionLimits,
        description: @escaping @Sendable (Int64, ContentDigests) -> ObjectDescription
    ) async throws -> ImportedContent where Source.Element == ByteBuffer {
        let inbox = BlockQueue(depth: Self.queueDepth)
        let arrived = Arrived()
        var arriving = self
        arriving.progress = { bytes in
            arrived.state.withLock { $0.bytes = bytes }
            progress(bytes)
        }
        return try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: ImportedContent?.self) { group in
                group.addTask { [arriving] in
                    try await arriving.fill(inbox, from: source, expectedBytes: expectedBytes, arrived)
                    return nil
                }
                group.addTask {
                    let first = try await inbox.pop()
                    guard let first, let format = CompressedFormat(startOf: first) else {
                        return try await store(expectedBytes: expectedBytes, description: description) { take in
                            try await pass(first, then: inbox, take)
                        }
                    }
                    var plain = self
                    // It speaks of the bytes as received, and is compared with them.
                    plain.expected = nil
                    plain.checkpoints = nil
                    return try await plain.store(expectedBytes: nil, description: description) { take in
                        try await unpack(first, then: inbox, format, limits) { block in
                            try await take(block)
                            progress(arrived.state.withLock(\.bytes))
                        }
                    }
                }
                do {
                    var content: ImportedContent?
                    for try await end in group { content = end ?? content }
                    guard var content else { throw CancellationError() }
                    content.received = arrived.state.withLock { state in
                        state.digest.map { ReceivedBytes(sizeBytes: state.bytes, digest: $0) }
                    }
                    return content
                } catch {
                    inbox.close()
                    throw error
                }
            }
        } onCancel: {
            inbox.close()
        }
    }

    /// Everything that is asked of the bytes as received.
    private func fill<Source: AsyncSequence & Sendable>(
        _ inbox: BlockQueue, from source: Source, expectedBytes: Int64?, _ arrived: Arrived
    ) async throws where Source.Element == ByteBuffer {
        var isFirst = true
        var digest: StreamDigest?
        _ = try await receive(source, expectedBytes: expectedBytes) { block in
            // Where they are the bytes as stored, too, a lane of the stores computes it.
            if isFirst, CompressedFormat(startOf: block) != nil {
                digest = StreamDigest(expected?.algorithm ?? .sha512)
            }
            isFirst = false
            if let soFar = digest {
                digest = try await threads.runIfActive {
                    var digest = soFar
                    digest.update(block)
                    return digest
                }
            }
            try await inbox.push(block)
        }
        if let digest {
            let hex = digest.finalize()
            try compare(digest.algorithm, hex)
            arrived.state.withLock { $0.digest = "\(digest.algorithm.rawValue):\(hex)" }
        }
        inbox.finish()
    }

    private func pass(
        _ first: ByteBuffer?, then inbox: BlockQueue, _ take: (ByteBuffer) async throws -> Void
    ) async throws -> Int64 {
        var bytes: Int64 = 0
        var next = first
        while let block = next {
            bytes += Int64(block.readableBytes)
            try await take(block)
            next = try await inbox.pop()
        }
        return bytes
    }

    private func unpack(
        _ first: ByteBuffer, then inbox: BlockQueue, _ format: CompressedFormat, _ limits: DecompressionLimits,
        _ take: (ByteBuffer) async throws -> Void
    ) async throws -> Int64 {
        let decompressor = SharedDecompressor(try Decompressor(format, limits, blockBytes: Self.blockBytes))
        var bytes: Int64 = 0
        var input: ByteBuffer? = first
        while true {
            let step = try await threads.runIfActive { [input] in try decompressor.step(input) }
            if let block = step.block {
                bytes += Int64(block.readableBytes)
                if bytes > maxBytes { throw PipelineError.tooLarge(limit: maxBytes) }
                try await take(block)
            }
            if step.isOver { break }
            if input != nil { input = step.rest.readableBytes > 0 ? step.rest : try await inbox.pop() }
        }
        // What follows the end belongs to what was received, and is waited for.
        while input != nil { input = try await inbox.pop() }
        guard bytes > 0 || allowsEmpty else { throw PipelineError.empty }
        return bytes
    }
}

/// What of the source has arrived.
private final class Arrived: Sendable {
    struct State {
        var bytes: Int64 = 0
        /// Of all of it, if it is compressed.
        var digest: String?
    }

    let state = Mutex(State())
}

/// Steps run on threads, one after the other.
private final class SharedDecompressor: Sendable {
    private let state: Mutex<Decompressor>

    init(_ decompressor: sending Decompressor) { state = Mutex(decompressor) }

    /// - Parameter input: `nil` once nothing comes any more.
    func step(_ input: ByteBuffer?) throws -> Decompressor.Step {
        try state.withLock { try $0.step(input ?? ByteBuffer(), isLast: input == nil) }
    }
}
