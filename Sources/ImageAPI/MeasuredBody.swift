import Hummingbird
import NIOCore
import Synchronization

/// The body of an upload, which ends with an error as soon as it is not what it should be.
struct MeasuredBody: AsyncSequence, Sendable {
    /// What was seen, for whoever has to explain the end.
    final class Gauge: Sendable {
        private let seen = Mutex<UploadFailure?>(nil)
        private let count = Atomic<Int64>(0)

        var fault: UploadFailure? { seen.withLock { $0 } }

        /// Bytes that have come.
        var received: Int64 { count.load(ordering: .relaxed) }
        func count(_ bytes: Int) { count.add(Int64(bytes), ordering: .relaxed) }

        func record(_ failure: UploadFailure) -> UploadFailure {
            seen.withLock { $0 = $0 ?? failure }
            return failure
        }
    }

    let base: RequestBody
    let expectedBytes: Int64?
    let maxBytes: Int64
    let gauge = Gauge()

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: base.makeAsyncIterator(), expectedBytes: expectedBytes, maxBytes: maxBytes, gauge: gauge)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        var base: RequestBody.AsyncIterator
        let expectedBytes: Int64?
        let maxBytes: Int64
        let gauge: Gauge
        private var count: Int64 = 0

        init(base: RequestBody.AsyncIterator, expectedBytes: Int64?, maxBytes: Int64, gauge: Gauge) {
            self.base = base
            self.expectedBytes = expectedBytes
            self.maxBytes = maxBytes
            self.gauge = gauge
        }

        @concurrent mutating func next() async throws -> ByteBuffer? {
            let block: ByteBuffer?
            do {
                block = try await base.next()
            } catch let error as CancellationError {
                throw error
            } catch {
                throw gauge.record(
                    UploadFailure(kind: .clientGone, reason: "the upload broke off after \(count) bytes"))
            }
            guard let block else { return try end() }
            count += Int64(block.readableBytes)
            gauge.count(block.readableBytes)
            if let expectedBytes, count > expectedBytes { throw mismatch("at least \(count)") }
            guard count <= maxBytes else {
                throw gauge.record(
                    UploadFailure(kind: .tooLarge, reason: "an image may have at most \(maxBytes) bytes"))
            }
            return block
        }

        /// A cancelled read looks like the end; half an image must not pass for a whole one.
        private func end() throws -> ByteBuffer? {
            try Task.checkCancellation()
            if let expectedBytes, count != expectedBytes { throw mismatch("\(count)") }
            return nil
        }

        private func mismatch(_ seen: String) -> UploadFailure {
            gauge.record(
                UploadFailure(
                    kind: .interrupted, reason: "\(expectedBytes ?? 0) bytes were announced, and \(seen) came"))
        }
    }
}
