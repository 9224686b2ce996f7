import ImageStorage
import ImportModel
import Logging
import NIOCore

/// The bytes of an image as its stores have them: read from the first, and from the next one where that breaks off.
///
/// All of them should have the same bytes, and the copy's digests tell if they do.
struct CopySource: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    /// An object that has the image's bytes.
    struct Place: Sendable {
        let storage: any ImageStorage
        let key: ObjectKey
    }

    let places: [Place]
    let sizeBytes: Int64
    let logger: Logger

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source: self, rest: places[...]) }

    struct AsyncIterator: AsyncIteratorProtocol {
        let source: CopySource
        var rest: ArraySlice<Place>
        var offset: Int64 = 0
        var body: ObjectBody.AsyncIterator?

        mutating func next() async throws -> ByteBuffer? {
            while offset < source.sizeBytes, let place = rest.first {
                do {
                    if body == nil { body = try await open(place).makeAsyncIterator() }
                    guard let block = try await body?.next() else {
                        throw StorageError.unavailable(place.storage.id, reason: "\(place.key) ended at \(offset)")
                    }
                    offset += Int64(block.readableBytes)
                    return block
                } catch let error as StorageError {
                    (rest, body) = (rest.dropFirst(), nil)
                    if rest.isEmpty { throw error }
                    source.logger.warning("a store cannot give an image", metadata: ["reason": "\(error)"])
                }
            }
            return nil
        }

        private func open(_ place: Place) async throws -> ObjectBody {
            let body = try await place.storage.read(place.key, range: offset..<source.sizeBytes)
            guard body.sizeBytes == source.sizeBytes else {
                throw StorageError.unavailable(
                    place.storage.id,
                    reason: "\(place.key) has \(body.sizeBytes) bytes, and the image \(source.sizeBytes)")
            }
            return body
        }
    }
}
