import AsyncHTTPClient
import ImageStorage
import ImportModel
import NIOCore
import NIOHTTP1

/// An object being read. A stream that breaks is opened again where it stopped, as long as the object is the same.
actor S3Reader {
    private let key: ObjectKey
    private let store: StoreID
    private let objects: S3Objects
    private let etag: String?
    /// Read only as fast as it is asked for; dropping it ends the connection.
    private var stream: HTTPClientResponse.Body.AsyncIterator?
    private var position: Int64 = 0
    private var pace = S3Pace()
    private var failures = 0

    init(key: ObjectKey, etag: String?, in storage: S3Storage) {
        self.key = key
        self.etag = etag
        store = storage.id
        objects = storage.objects
    }

    /// At least one byte from the start of `range`.
    func next(_ range: Range<Int64>) async throws(StorageError) -> ByteBuffer {
        while true {
            do throws(S3CallFailure) {
                if stream == nil || position != range.lowerBound { try await open(range) }
                if let block = try await pull(range) {
                    // A connection that brought next to nothing is no success.
                    if pace.bytes >= S3Pace.leastBytesPerSecond || position == range.upperBound { failures = 0 }
                    return block
                }
            } catch {
                stream = nil
                if error.refusal?.isMissingObject == true { throw .notFound(store, key) }
                if error.refusal?.status == 412 {
                    throw .unavailable(store, reason: "\(key) was replaced while it was being read")
                }
                failures += 1
                guard error.cause.isTransient, failures < objects.client.tries else { throw error.fault(of: store) }
                do throws(S3Failure) { try await objects.client.pause(afterFailures: failures) } catch {
                    throw error.fault(of: store, "reading \(key)")
                }
            }
        }
    }

    private func open(_ range: Range<Int64>) async throws(S3CallFailure) {
        stream = nil
        let name = objects.client.location.name(of: key)
        let response = try await objects.open(name, range, etag: etag)
        let starts = response.headers.first(name: "content-range")?.hasPrefix("bytes \(range.lowerBound)-") ?? false
        let isWhole = response.status == .ok && range.lowerBound == 0
        guard isWhole || (response.status == .partialContent && starts) else {
            throw S3CallFailure(
                cause: .noAnswer("the service sent other bytes than were asked for"), what: "reading \(key)")
        }
        stream = response.body.makeAsyncIterator()
        pace = S3Pace()
        position = range.lowerBound
    }

    /// What has come since; a stream that ends here has broken off.
    private func pull(_ range: Range<Int64>) async throws(S3CallFailure) -> ByteBuffer? {
        guard var iterator = stream else { return nil }
        stream = nil
        do {
            let (waited, bytes) = (pace.waited, pace.bytes)
            guard waited <= objects.client.answerTimeout + S3Pace.longest(for: bytes) else {
                throw S3Failure.noAnswer("no more than \(bytes) bytes came in \(waited)")
            }
            let start = ContinuousClock.now
            guard var block = try await iterator.next(isolation: #isolation) else {
                throw S3Failure.noAnswer("the answer ended at byte \(position)")
            }
            pace.note(bytes: Int64(block.readableBytes), waited: .now - start)
            if Int64(block.readableBytes) > range.upperBound - position {
                block = block.readSlice(length: Int(range.upperBound - position)) ?? ByteBuffer()
            }
            position += Int64(block.readableBytes)
            if position == range.upperBound {
                // The end is there already; taking it gives the connection back. Nothing depends on it.
                _ = try? await iterator.next(isolation: #isolation)
            } else {
                stream = iterator
            }
            return block.readableBytes > 0 ? block : nil
        } catch {
            throw S3CallFailure(cause: S3Failure(error), what: "reading \(key)")
        }
    }
}
