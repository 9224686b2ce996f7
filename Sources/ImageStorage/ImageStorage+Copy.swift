package import ImportModel

/// What a store made of being asked for a copy inside its service.
package enum ObjectCopy: Hashable, Sendable {
    /// Nothing was tried: these two stores cannot do that.
    case notHere
    /// The object is there, and nothing that the service tells speaks against it.
    case made
    /// The object is there, and what the service tells is not what the description says: its bytes have to be read.
    case doubtful
}

extension ImageStorage {
    /// Most stores cannot: then whoever wants a copy reads and writes.
    package func copy(
        _ source: ObjectKey, of other: any ImageStorage, to key: ObjectKey, _ description: ObjectDescription,
        step: @Sendable (_ bytesDone: Int64) async throws -> Void
    ) async throws -> ObjectCopy { .notHere }
}
