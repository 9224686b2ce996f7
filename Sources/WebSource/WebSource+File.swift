package import NIOCore

extension WebSource {
    /// Reads a small file whole, under the same policy as everything else, with limits of its own.
    ///
    /// - Parameters:
    ///   - maxBytes: more than that is refused.
    ///   - time: for all of it, redirects included.
    /// - Throws: `SourceError`, also where the answer does not tell its end; `CancellationError`.
    package func file(_ url: String, atMost maxBytes: Int64, within time: Duration) async throws -> ByteBuffer {
        var source = self
        source.subject = "file"
        source.limits.maxBytes = maxBytes
        source.limits.total = min(limits.total, time)
        source.limits.headers = min(limits.headers, time)
        source.limits.idle = min(limits.idle, time)
        source.limits.connect = min(limits.connect, time)
        return try await source.withSource(url) { opened in
            guard opened.tellsItsEnd else {
                throw SourceError.permanent(
                    "\(opened.url): the answer has neither a length nor chunks, so that a whole file cannot be told "
                        + "from a part of one; serve it with Content-Length")
            }
            var whole = ByteBuffer()
            for try await piece in opened.body { whole.writeImmutableBuffer(piece) }
            return whole
        }
    }
}
