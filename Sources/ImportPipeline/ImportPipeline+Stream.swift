import DiskImage
import ImageStorage
import ImportModel
import NIOCore
import NIOPosix

extension ImportPipeline {
    /// Runs what is supplied through all lanes at once.
    ///
    /// Lanes wait in their queues, which closing wakes: it happens at the first error of anybody and on cancellation.
    func stream(
        _ supply: @escaping Supply, into stores: StoreWriters, expectedBytes: Int64?
    ) async throws -> Received {
        // Whoever goes on needs all stores.
        let plan = stores.failures.isEmpty ? checkpoints : nil
        let marks = plan.flatMap {
            StreamMarks(
                $0, from: start?.offset ?? 0, to: expectedBytes, units: stores.checkpointUnits,
                digests: algorithms.count)
        }
        let digestLanes = algorithms.map { ($0, BlockQueue(depth: Self.queueDepth)) }
        let storeLanes = stores.open.map { ($0, BlockQueue(depth: Self.queueDepth)) }
        let queues = digestLanes.map(\.1) + storeLanes.map(\.1)
        let digesting = ThreadPoolExecutor(threads)
        return try await withTaskCancellationHandler {
            try await withThrowingTaskGroup(of: LaneEnd.self) { group in
                group.addTask {
                    let (bytes, inspection) = try await feed(supply, to: queues, marks)
                    return .source(bytes, inspection)
                }
                for (algorithm, queue) in digestLanes {
                    group.addTask(executorPreference: digesting) {
                        .digest(algorithm, try await digest(queue, algorithm, marks))
                    }
                }
                for (store, queue) in storeLanes {
                    group.addTask {
                        try await stores.write(queue, to: store, from: start?.offset ?? 0, marks)
                        return .store
                    }
                }
                if let marks {
                    group.addTask {
                        try await marks.keep()
                        return .store
                    }
                }
                do {
                    var received = Received()
                    for try await end in group {
                        switch end {
                        case .source(let bytes, let inspection):
                            received.sizeBytes = bytes
                            received.inspection = inspection
                        case .digest(let algorithm, let hex): received.hex[algorithm] = hex
                        case .store: break
                        }
                    }
                    return received
                } catch {
                    queues.forEach { $0.close() }
                    throw error
                }
            }
        } onCancel: {
            queues.forEach { $0.close() }
        }
    }

    /// Looks at each block and hands it to all lanes; returns the number of bytes and what they are.
    private func feed(
        _ supply: Supply, to queues: [BlockQueue], _ marks: StreamMarks?
    ) async throws -> (Int64, Inspection) {
        var isFirst = true
        var inspector = start?.inspector ?? DiskImageInspector()
        defer { marks?.finish() }
        let bytes = try await supply { block in
            block.withUnsafeReadableBytes { inspector.update($0) }
            // The first block tells most: what is certain to be refused is not fetched to its end.
            if isFirst { try declared?.refuseEarly(inspector) }
            isFirst = false
            for queue in queues { try await queue.push(block) }
            marks?.pass(Int64(clamping: inspector.position), inspector)
        }
        queues.forEach { $0.finish() }
        return (bytes, inspector.finish())
    }

    /// Cuts what arrives into blocks, reads the source to its end and returns the number of its bytes.
    func receive<Source: AsyncSequence & Sendable>(
        _ source: Source, expectedBytes: Int64?, _ take: (ByteBuffer) async throws -> Void
    ) async throws -> Int64 where Source.Element == ByteBuffer {
        let begun = start?.offset ?? 0
        var received = begun
        var gathering = BlockGatherer(blockBytes: Self.blockBytes)
        for try await arrived in source {
            if received == begun { Failpoint.reach(.sourceBegun) }
            received += Int64(arrived.readableBytes)
            if received > maxBytes { throw PipelineError.tooLarge(limit: maxBytes) }
            if let expectedBytes, received > expectedBytes { throw PipelineError.tooLong(expected: expectedBytes) }
            // At every arrival, not at every block: what is slow is not what stands still.
            progress(received)
            gathering.add(arrived)
            while let block = gathering.next() { try await take(block) }
        }
        // A sequence may end early, without an error, because this task was cancelled.
        try Task.checkCancellation()
        if let expectedBytes, received < expectedBytes {
            throw PipelineError.tooShort(expected: expectedBytes, received: received)
        }
        guard received > 0 || allowsEmpty else { throw PipelineError.empty }
        if let rest = gathering.rest() { try await take(rest) }
        return received
    }

    /// Blocks its thread.
    private func digest(
        _ queue: BlockQueue, _ algorithm: DigestAlgorithm, _ marks: StreamMarks?
    ) async throws -> String {
        var digest = start?.digest(algorithm) ?? StreamDigest(algorithm)
        var position = start?.offset ?? 0
        while let block = try await queue.pop() {
            if let marks, marks.isDue(position) { marks.add(algorithm, digest) }
            position += Int64(block.readableBytes)
            digest.update(block)
        }
        return digest.finalize()
    }
}

private enum LaneEnd: Sendable {
    case source(Int64, Inspection)
    case digest(DigestAlgorithm, String)
    case store
}
