import NIOCore

extension ServiceClient {
    /// Writes an image's bytes to `writer`, which gets its final name if all have come, and is discarded otherwise.
    ///
    /// - Returns: the number of bytes.
    package func download(_ image: ImageDocument, to writer: FileWriter) async throws -> Int64 {
        do {
            var expected = image.size
            var received: Int64 = 0
            try await download(image.id, onStart: { expected = $0 ?? expected }) { piece in
                received += Int64(piece.readableBytes)
                try await writer.write(piece)
            }
            if let expected, received != expected {
                throw ServiceError.unexpectedAnswer("the download has \(received) bytes instead of \(expected)")
            }
            try await writer.finish()
            return received
        } catch {
            writer.discard()
            throw error
        }
    }
}
