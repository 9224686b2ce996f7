package import ImageStorage
package import ImportModel
package import NIOCore

/// The bytes of an image as its stores have them: read from the first, and from the next one, at the same place, where
/// that breaks off, hangs, or has an object of another size.
///
/// All of them should have the same bytes; whoever must be sure compares digests.
package struct StoredImage: AsyncSequence, Sendable {
    package typealias Element = ByteBuffer

    /// An object that has the image's bytes.
    package struct Place: Sendable {
        package let storage: any ImageStorage
        package let key: ObjectKey

        package init(storage: any ImageStorage, key: ObjectKey) {
            self.storage = storage
            self.key = key
        }
    }

    /// How long a store is waited for while another one has the image as well.
    private static let firstChance: Duration = .seconds(10)

    package let places: [Place]
    package let sizeBytes: Int64
    let range: Range<Int64>
    let stall: Duration
    let onFailure: @Sendable (StorageError) -> Void

    /// - Parameters:
    ///   - places: in the order in which they are asked; at least one.
    ///   - range: the bytes to deliver; `nil` for all.
    ///   - stall: how long the last store is waited for that gives nothing.
    ///   - onFailure: told why a store was left for the next one.
    package init(
        places: [Place], sizeBytes: Int64, range: Range<Int64>? = nil, stall: Duration,
        onFailure: @escaping @Sendable (StorageError) -> Void
    ) {
        self.places = places
        self.sizeBytes = sizeBytes
        self.range = range ?? 0..<sizeBytes
        self.stall = stall
        self.onFailure = onFailure
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(image: self, rest: places[...], offset: range.lowerBound)
    }

    package struct AsyncIterator: AsyncIteratorProtocol, Sendable {
        let image: StoredImage
        var rest: ArraySlice<Place>
        var offset: Int64
        var body: ObjectBody?

        /// - Throws: `StorageError` of the last store; `CancellationError`.
        package mutating func next() async throws -> ByteBuffer? {
            while offset < image.range.upperBound, let place = rest.first {
                try Task.checkCancellation()
                let limit = rest.count == 1 ? image.stall : Swift.min(image.stall, StoredImage.firstChance)
                do throws(StorageError) {
                    let body = try await open(place, limit)
                    let wanted = offset..<image.range.upperBound
                    let block = try await image.call(of: place, "reading a block", within: limit) {
                        () throws(StorageError) in try await body.block(wanted)
                    }
                    offset += Int64(block.readableBytes)
                    return block
                } catch {
                    (rest, body) = (rest.dropFirst(), nil)
                    if rest.isEmpty { throw error }
                    image.onFailure(error)
                }
            }
            return nil
        }

        private mutating func open(_ place: Place, _ limit: Duration) async throws(StorageError) -> ObjectBody {
            if let body { return body }
            let wanted = offset..<image.range.upperBound
            let opened = try await image.call(of: place, "opening an object", within: limit) {
                () throws(StorageError) in try await place.storage.read(place.key, range: wanted)
            }
            guard opened.sizeBytes == image.sizeBytes else {
                throw .unavailable(
                    place.storage.id,
                    reason: "\(place.key) has \(opened.sizeBytes) bytes, and the image \(image.sizeBytes)")
            }
            body = opened
            return opened
        }
    }

    /// A call that hangs is left behind: it changes nothing, and lets go of what it holds when it ends.
    private func call<Value: Sendable>(
        of place: Place, _ what: String, within limit: Duration,
        _ body: @escaping @Sendable () async throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let patience = StorePatience(stall: stall, mustAll: true) { _ in }
        switch await patience.wait(for: place.storage.id, what, within: limit, body, cleaning: { _ in }) {
        case .ended(let result): return try result.get()
        case .leftBehind(let error): throw error
        }
    }
}
